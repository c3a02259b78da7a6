;; The loops over a row of logits; what to look for, and what follows from what they find, is up to the TypeScript around.
;;
;; A row is whole blocks of 128 logits (512 bytes), the last one filled up with minus infinity. Four are taken at a time:
;; by the specification these operations give the same bits on every machine, unlike the relaxed ones.
;; tools/generate.mjs assembles this file into gen/row-kernels.ts.
(module
  (import "row" "memory" (memory 0))
  ;; In bytes, where the logits end, which begin at 0, and where the weights, the blocks' maxima, the places and the orders
  ;; of lanes begin.
  (import "row" "end" (global $end i32))
  (import "row" "weights" (global $weights i32))
  (import "row" "maxima" (global $maxima i32))
  (import "row" "places" (global $places i32))
  (import "row" "orders" (global $orders i32))

  ;; For each of the 16 sets of lanes, the lowest bit the first, the order of bytes that brings them to the front.
  (data (global.get $orders)
    "\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff"
    "\00\01\02\03\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff"
    "\04\05\06\07\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff"
    "\00\01\02\03\04\05\06\07\ff\ff\ff\ff\ff\ff\ff\ff"
    "\08\09\0a\0b\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff"
    "\00\01\02\03\08\09\0a\0b\ff\ff\ff\ff\ff\ff\ff\ff"
    "\04\05\06\07\08\09\0a\0b\ff\ff\ff\ff\ff\ff\ff\ff"
    "\00\01\02\03\04\05\06\07\08\09\0a\0b\ff\ff\ff\ff"
    "\0c\0d\0e\0f\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff"
    "\00\01\02\03\0c\0d\0e\0f\ff\ff\ff\ff\ff\ff\ff\ff"
    "\04\05\06\07\0c\0d\0e\0f\ff\ff\ff\ff\ff\ff\ff\ff"
    "\00\01\02\03\04\05\06\07\0c\0d\0e\0f\ff\ff\ff\ff"
    "\08\09\0a\0b\0c\0d\0e\0f\ff\ff\ff\ff\ff\ff\ff\ff"
    "\00\01\02\03\08\09\0a\0b\0c\0d\0e\0f\ff\ff\ff\ff"
    "\04\05\06\07\08\09\0a\0b\0c\0d\0e\0f\ff\ff\ff\ff"
    "\00\01\02\03\04\05\06\07\08\09\0a\0b\0c\0d\0e\0f")

  ;; Notes the greatest logit of each block, and gives that of the row, or NaN if it has one.
  (func (export "scan") (result f32)
    (local $at i32) (local $blockEnd i32) (local $entry i32)
    (local $logits v128) (local $areNumbers v128) (local $ofBlock v128) (local $ofRow v128)
    (local.set $entry (global.get $maxima))
    (local.set $areNumbers (v128.const i32x4 -1 -1 -1 -1))
    (local.set $ofRow (v128.const f32x4 -inf -inf -inf -inf))
    (loop $blocks
      (local.set $blockEnd (i32.add (local.get $at) (i32.const 512)))
      (local.set $ofBlock (v128.const f32x4 -inf -inf -inf -inf))
      (loop $next
        (local.set $logits (v128.load (local.get $at)))
        (local.set $areNumbers
          (v128.and (local.get $areNumbers) (f32x4.eq (local.get $logits) (local.get $logits))))
        ;; Passes over NaN, and is one instruction; `max` is eight.
        (local.set $ofBlock (f32x4.pmax (local.get $ofBlock) (local.get $logits)))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br_if $next (i32.lt_u (local.get $at) (local.get $blockEnd))))
      (f32.store (local.get $entry) (call $greatest (local.get $ofBlock)))
      (local.set $entry (i32.add (local.get $entry) (i32.const 4)))
      (local.set $ofRow (f32x4.pmax (local.get $ofRow) (local.get $ofBlock)))
      (br_if $blocks (i32.lt_u (local.get $at) (global.get $end))))
    (select (call $greatest (local.get $ofRow)) (f32.const nan) (i32x4.all_true (local.get $areNumbers))))

  ;; Counts the logits that reach a threshold.
  (func (export "count") (param $threshold f32) (result i32)
    (local $at i32) (local $least v128) (local $counts v128)
    (local.set $least (f32x4.splat (local.get $threshold)))
    (loop $next
      ;; True is -1.
      (local.set $counts
        (i32x4.sub (local.get $counts) (f32x4.ge (v128.load (local.get $at)) (local.get $least))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $at) (global.get $end))))
    (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $counts)) (i32x4.extract_lane 1 (local.get $counts)))
      (i32.add (i32x4.extract_lane 2 (local.get $counts)) (i32x4.extract_lane 3 (local.get $counts)))))

  ;; Lists the places of the logits in [low, high), in their order, and gives how many they are. Four are always written, and
  ;; what does not count is written over by the next: branches would often be mispredicted.
  (func (export "list") (param $low f32) (param $high f32) (result i32)
    (local $at i32) (local $entry i32) (local $found i32)
    (local $logits v128) (local $lows v128) (local $highs v128) (local $ids v128)
    (local.set $entry (global.get $places))
    (local.set $lows (f32x4.splat (local.get $low)))
    (local.set $highs (f32x4.splat (local.get $high)))
    (local.set $ids (v128.const i32x4 0 1 2 3))
    (loop $next
      (local.set $logits (v128.load (local.get $at)))
      (local.set $found
        (i32x4.bitmask
          (v128.and
            (f32x4.ge (local.get $logits) (local.get $lows))
            (f32x4.lt (local.get $logits) (local.get $highs)))))
      (v128.store
        (local.get $entry)
        (i8x16.swizzle
          (local.get $ids)
          (v128.load (i32.add (global.get $orders) (i32.shl (local.get $found) (i32.const 4))))))
      (local.set $entry
        (i32.add (local.get $entry) (i32.shl (i32.popcnt (local.get $found)) (i32.const 2))))
      (local.set $ids (i32x4.add (local.get $ids) (v128.const i32x4 4 4 4 4)))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $at) (global.get $end))))
    (i32.shr_u (i32.sub (local.get $entry) (global.get $places)) (i32.const 2)))

  ;; Makes the weights: 2^-((maximum - logit) * scale), as softmax-weight.ts does, and gives their sum. Passes over empty
  ;; blocks.
  (func (export "weigh") (param $maximum f32) (param $scale f32) (result f64)
    (local $at i32) (local $blockEnd i32) (local $entry i32)
    (local $maxima v128) (local $scales v128) (local $ofBlock v128) (local $sum v128)
    (local $distance v128) (local $octave v128) (local $offset v128) (local $weights v128)
    (local.set $entry (global.get $maxima))
    (local.set $maxima (f32x4.splat (local.get $maximum)))
    (local.set $scales (f32x4.splat (local.get $scale)))
    (loop $blocks
      (local.set $blockEnd (i32.add (local.get $at) (i32.const 512)))
      (if (f32.gt (f32.load (local.get $entry)) (f32.const -inf))
        (then
          (local.set $ofBlock (v128.const f32x4 0 0 0 0))
          (loop $next
            (local.set $distance
              (f32x4.mul
                (f32x4.sub (local.get $maxima) (v128.load (local.get $at)))
                (local.get $scales)))
            ;; So great a number, 3 * 2^22, leaves no bits behind the point: the lowest bits are the nearest octave.
            (local.set $octave (f32x4.add (local.get $distance) (v128.const f32x4 12582912 12582912 12582912 12582912)))
            (local.set $offset
              (f32x4.sub
                (f32x4.sub (local.get $octave) (v128.const f32x4 12582912 12582912 12582912 12582912))
                (local.get $distance)))
            (local.set $weights (v128.const f32x4 1.532116e-4 1.532116e-4 1.532116e-4 1.532116e-4))
            (local.set $weights
              (f32x4.add
                (f32x4.mul (local.get $weights) (local.get $offset))
                (v128.const f32x4 1.3390164e-3 1.3390164e-3 1.3390164e-3 1.3390164e-3)))
            (local.set $weights
              (f32x4.add
                (f32x4.mul (local.get $weights) (local.get $offset))
                (v128.const f32x4 9.618526e-3 9.618526e-3 9.618526e-3 9.618526e-3)))
            (local.set $weights
              (f32x4.add
                (f32x4.mul (local.get $weights) (local.get $offset))
                (v128.const f32x4 5.550362e-2 5.550362e-2 5.550362e-2 5.550362e-2)))
            (local.set $weights
              (f32x4.add
                (f32x4.mul (local.get $weights) (local.get $offset))
                (v128.const f32x4 0.24022648 0.24022648 0.24022648 0.24022648)))
            (local.set $weights
              (f32x4.add
                (f32x4.mul (local.get $weights) (local.get $offset))
                (v128.const f32x4 0.6931472 0.6931472 0.6931472 0.6931472)))
            (local.set $weights
              (f32x4.add (f32x4.mul (local.get $weights) (local.get $offset)) (v128.const f32x4 1 1 1 1)))
            ;; Takes the octave from the exponent.
            (local.set $weights
              (i32x4.sub (local.get $weights) (i32x4.shl (local.get $octave) (i32.const 23))))
            ;; One octave less than the board has, so that it has whatever has a weight here, however either is rounded.
            (local.set $weights
              (v128.and (local.get $weights) (f32x4.lt (local.get $distance) (v128.const f32x4 69 69 69 69))))
            (v128.store (i32.add (local.get $at) (global.get $weights)) (local.get $weights))
            (local.set $ofBlock (f32x4.add (local.get $ofBlock) (local.get $weights)))
            (local.set $at (i32.add (local.get $at) (i32.const 16)))
            (br_if $next (i32.lt_u (local.get $at) (local.get $blockEnd))))
          (local.set $sum (f64x2.add (local.get $sum) (call $widen (local.get $ofBlock))))))
      (local.set $at (local.get $blockEnd))
      (local.set $entry (i32.add (local.get $entry) (i32.const 4)))
      (br_if $blocks (i32.lt_u (local.get $at) (global.get $end))))
    (f64.add (f64x2.extract_lane 0 (local.get $sum)) (f64x2.extract_lane 1 (local.get $sum))))

  ;; Keeps the logits beyond the least, and of those equal to it the ones up to the last place; the others become minus
  ;; infinity. Notes the blocks' maxima, and gives the sum of the kept weights, if there are any. A block that has nothing
  ;; to keep only gets minus infinity as its maximum, which says that it is empty, whatever its logits are.
  (func (export "keep") (param $least f32) (param $last i32) (result f64)
    (local $at i32) (local $blockEnd i32) (local $entry i32) (local $leasts v128) (local $lasts v128) (local $ids v128)
    (local $logits v128) (local $areKept v128) (local $weights v128)
    (local $ofBlock v128) (local $weightOfBlock v128) (local $sum v128)
    (local.set $entry (global.get $maxima))
    (local.set $leasts (f32x4.splat (local.get $least)))
    (local.set $lasts (i32x4.splat (local.get $last)))
    (loop $blocks
      (local.set $blockEnd (i32.add (local.get $at) (i32.const 512)))
      (if (f32.lt (f32.load (local.get $entry)) (local.get $least))
        (then (f32.store (local.get $entry) (f32.const -inf)))
        (else
          (local.set $ofBlock (v128.const f32x4 -inf -inf -inf -inf))
          (local.set $weightOfBlock (v128.const f32x4 0 0 0 0))
          (local.set $ids
            (i32x4.add (i32x4.splat (i32.shr_u (local.get $at) (i32.const 2))) (v128.const i32x4 0 1 2 3)))
          (loop $next
            (local.set $logits (v128.load (local.get $at)))
            (local.set $weights (v128.load (i32.add (local.get $at) (global.get $weights))))
            (local.set $areKept
              (v128.or
                (f32x4.gt (local.get $logits) (local.get $leasts))
                (v128.and
                  (f32x4.eq (local.get $logits) (local.get $leasts))
                  (i32x4.le_s (local.get $ids) (local.get $lasts)))))
            (local.set $logits
              (v128.bitselect (local.get $logits) (v128.const f32x4 -inf -inf -inf -inf) (local.get $areKept)))
            (local.set $weights (v128.and (local.get $weights) (local.get $areKept)))
            (v128.store (local.get $at) (local.get $logits))
            (v128.store (i32.add (local.get $at) (global.get $weights)) (local.get $weights))
            (local.set $ofBlock (f32x4.pmax (local.get $ofBlock) (local.get $logits)))
            (local.set $weightOfBlock (f32x4.add (local.get $weightOfBlock) (local.get $weights)))
            (local.set $ids (i32x4.add (local.get $ids) (v128.const i32x4 4 4 4 4)))
            (local.set $at (i32.add (local.get $at) (i32.const 16)))
            (br_if $next (i32.lt_u (local.get $at) (local.get $blockEnd))))
          (f32.store (local.get $entry) (call $greatest (local.get $ofBlock)))
          (local.set $sum (f64x2.add (local.get $sum) (call $widen (local.get $weightOfBlock))))))
      (local.set $at (local.get $blockEnd))
      (local.set $entry (i32.add (local.get $entry) (i32.const 4)))
      (br_if $blocks (i32.lt_u (local.get $at) (global.get $end))))
    (f64.add (f64x2.extract_lane 0 (local.get $sum)) (f64x2.extract_lane 1 (local.get $sum))))

  (func $greatest (param $lanes v128) (result f32)
    (local $pairs v128)
    (local.set $pairs
      (f32x4.pmax
        (local.get $lanes)
        (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $lanes) (local.get $lanes))))
    (f32x4.extract_lane 0
      (f32x4.pmax
        (local.get $pairs)
        (i8x16.shuffle 4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11 (local.get $pairs) (local.get $pairs)))))

  ;; Adds the upper two lanes to the lower, in double precision.
  (func $widen (param $lanes v128) (result v128)
    (f64x2.add
      (f64x2.promote_low_f32x4 (local.get $lanes))
      (f64x2.promote_low_f32x4
        (i8x16.shuffle 8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15 (local.get $lanes) (local.get $lanes))))))

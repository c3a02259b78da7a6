/**
 * What a page runs to scroll down through all of itself, 50 pixels a frame. Evaluates to how long each frame took, in
 * milliseconds, ascending.
 */
export const SCROLL_THROUGH = `new Promise((resolve) => {
  const times = [];
  let last = performance.now();
  const onFrame = (now) => {
    times.push(now - last);
    last = now;
    scrollBy(0, 50);
    const isAtEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 1;
    if (isAtEnd && times.length > 60) resolve(times.slice(1).toSorted((a, b) => a - b));
    else requestAnimationFrame(onFrame);
  };
  requestAnimationFrame(onFrame);
})`;

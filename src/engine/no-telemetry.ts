// To be imported before the first session is made, by the main thread: native code does not see a worker's environment, which
// is a copy. Without it ONNX Runtime's packages name each model and its session to their maker, and leave files in the
// system's folders for temporary files and caches.
process.env['ORT_DISABLE_TELEMETRY'] = '1';

// Before anything else runs in Python's worker: of its global scope only what is listed here is left. The content
// security policy closes the network already; what is gone from here can not be reached at all, however the code in the
// worker was got to run, and a browser's new ways out are closed before anybody has heard of them.

/** ECMAScript itself: computes only, and reaches nothing outside. `Function` and `eval` refuse texts under the worker's policy. */
const LANGUAGE = `AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array
  Boolean DataView Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function
  Infinity Int16Array Int32Array Int8Array Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError
  ReferenceError Reflect RegExp Set SharedArrayBuffer String SuppressedError Symbol SyntaxError Temporal TypeError
  URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet decodeURI decodeURIComponent
  encodeURI encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt undefined unescape`;

/** What Pyodide, ONNX Runtime Web and this worker use. All of it stays in this thread but ports, which end in our page. */
const BROWSER = `AbortController AbortSignal Blob DOMException DedicatedWorkerGlobalScope Event EventTarget File FileList
  FileReaderSync Headers MessageChannel MessageEvent MessagePort Response TextDecoder TextEncoder URL URLSearchParams
  WebAssembly WorkerGlobalScope WorkerLocation WorkerNavigator addEventListener atob btoa clearInterval clearTimeout console
  constructor crypto dispatchEvent isSecureContext location name navigator origin performance queueMicrotask
  removeEventListener self setInterval setTimeout structuredClone`;

const NAVIGATOR = "constructor hardwareConcurrency language languages platform userAgent";

const listed = (/** @type {string} */ text) => new Set(text.split(/\s+/));

/**
 * Every object that a name is looked up in, but those that all objects share.
 * @param {object} object
 * @returns {Generator<Record<string, unknown>>}
 */
function* chainOf(object) {
  for (
    let at = /** @type {any} */ (object);
    at && at !== Object.prototype && at !== EventTarget.prototype;
    at = Object.getPrototypeOf(at)
  )
    yield at;
}

/**
 * Deletes what is not in `kept` from the object and its prototypes.
 * @param {object} object
 * @param {Set<string>} kept
 * @param {string} what it is called in an error
 */
function reduce(object, kept, what) {
  for (const holder of chainOf(object)) {
    for (const name of Object.getOwnPropertyNames(holder)) {
      if (kept.has(name) || Reflect.deleteProperty(holder, name)) continue;
      if (Object(holder[name]) !== holder[name]) continue; // a number or a text leads nowhere: TEMPORARY, for one
      throw new Error(`This browser does not let ${what}.${name} be taken from Python`);
    }
  }
}

const { Blob, URL } = globalThis;
const createObjectURL = URL.createObjectURL.bind(URL);
const locks = globalThis.navigator.locks;

/** The address under which a module's text can be imported: no other code can make one. */
export const moduleAddress = (/** @type {Uint8Array<ArrayBuffer>} */ bytes) =>
  createObjectURL(new Blob([bytes], { type: "text/javascript" }));

/**
 * Holds a lock for as long as this worker lives. In a sandboxed frame there are no locks.
 * @param {string} name
 * @param {(locked: boolean) => void} told is called when the lock is ours, or cannot be
 */
export function holdLock(name, told) {
  const hold = () => {
    told(true);
    return new Promise(() => {
      /* never resolved: the browser takes the lock back when the worker has ended */
    });
  };
  if (locks) locks.request(name, hold).catch(() => told(false));
  else told(false);
}

reduce(globalThis.navigator, listed(NAVIGATOR), "navigator");
reduce(globalThis, listed(`${LANGUAGE} ${BROWSER}`), "self");
for (const name of ["createObjectURL", "revokeObjectURL"]) Reflect.deleteProperty(URL, name);

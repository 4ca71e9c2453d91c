/** @import { TypedTarget } from "./types/events" */

/** EventTarget, for classes that say which events they have. */
export const Target = /** @type {new <Events>() => TypedTarget<Events>} */ (EventTarget);

/** An EventTarget that says which events it has: event -> detail of its CustomEvent. */
export interface TypedTarget<Events> {
  addEventListener<K extends keyof Events & string>(type: K, listener: (event: CustomEvent<Events[K]>) => void): void;
  dispatchEvent(event: Event): boolean;
}

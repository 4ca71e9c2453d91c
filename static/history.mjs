// Each view that is opened is an entry of the browser's history, so that Back leads to the view before. The settings are
// not: whatever entry it is, its address is that of the present settings.

/** The view that the address names. */
export const viewOfAddress = () => new URLSearchParams(location.search).get("view") || "tensor";

/**
 * A query with a view in it; the first view needs no mention.
 * @param {URLSearchParams} query changed in place
 * @param {string} view
 */
export function withView(query, view) {
  if (view === "tensor") query.delete("view");
  else query.set("view", view);
  return query;
}

/**
 * The visitor has opened a view.
 * @param {string} view
 */
export function enter(view) {
  if (viewOfAddress() === view) return;
  const url = new URL(location.href);
  withView(url.searchParams, view);
  history.pushState(null, "", url);
}

/** @param {(view: string) => void} select shows a view, without an entry for it */
export function followHistory(select) {
  addEventListener("popstate", () => select(viewOfAddress()));
}

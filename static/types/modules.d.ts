/** Modules that the build puts in place. */

declare module "*/ort.wasm.bundle.min.mjs" {
  export * from "onnxruntime-web";
}

declare module "*/litert.mjs" {
  export * from "@litertjs/core";
}

/** Panel Material UI's utilities: tools/material.py puts utils.mjs beside them. */
declare module "*/panel_utils" {
  import type { ThemeOptions } from "@mui/material/styles";
  export function render_theme_config(props: object, config: object, dark: boolean): ThemeOptions;
  export function overlay_container(container: HTMLElement): HTMLElement;
}

/** What tools/offline.py tells the service worker. */
declare module "release-files" {
  export const release: string;
  /** A page has a revision; every other address changes with its content. */
  export const files: { url: string; revision: string | null; integrity: string }[];
}

/** A text that is bundled as it is. */
declare module "*.txt" {
  const text: string;
  export default text;
}

// The files that the visitor has opened, kept for a reload of this tab: in the browser's private file system, written by
// the page. Python's worker cannot reach them. They are removed by Forget, by opening something else, and after a day.
// Where they cannot be kept, the page asks before it is left.

/**
 * @import { Settings } from "./types/messages"
 * @import { Given, Remembered } from "./types/page"
 */

const FOLDER = "uploads";
const NOTE = "upload";
const DAY_MS = 24 * 60 * 60 * 1000;
const MOST_BYTES = 256 * 2 ** 20;
const ROLES = /** @type {const} */ (["model", "calibration", "recipe"]);

/** The files of a role: a model may consist of several. @param {File[] | File | null | undefined} held */
const listOf = (held) => (Array.isArray(held) ? held : held ? [held] : []);

/** A folder's name is the time when it was made, and a random number. */
const madeAt = (/** @type {string} */ name) => Number(name.split("-")[0]);

/** What this tab remembers of itself; null where it remembers nothing, or may not. */
function noted() {
  try {
    /** @type {Remembered | null} */
    const found = JSON.parse(sessionStorage.getItem(NOTE) ?? "null");
    return found;
  } catch {
    return null;
  }
}

/** @param {Remembered | null} note */
function remember(note) {
  try {
    if (note) sessionStorage.setItem(NOTE, JSON.stringify(note));
    else sessionStorage.removeItem(NOTE);
    return true;
  } catch {
    return false;
  }
}

/** The folder of all tabs. Throws where there is no such file system: a sandboxed frame, closed storage, an old browser. */
async function folder() {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(FOLDER, { create: true });
}

/**
 * A kept file, under the name that it had.
 * @param {FileSystemDirectoryHandle} place
 * @param {string} role
 * @param {number} at which of the role's files
 * @param {string} name
 */
async function copyOf(place, role, at, name) {
  return new File([await (await place.getFileHandle(`${role}-${at}`)).getFile()], name);
}

/** Folders of tabs that are open. */
async function inUse() {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return new Set(held.map(({ name }) => name));
}

/** @param {string} id */
const lockOf = (id) => `${FOLDER}/${id}`;

export class Uploads {
  #given;
  #settings;
  #changed;
  /** The folder of this tab; empty: none. */
  #id = "";
  /** What lies in it. @type {Partial<Given>} */
  #written = {};
  #kept = false;
  #forgotten = /** @type {File[] | null} */ (null);
  #work = Promise.resolve();

  /**
   * @param {object} parts
   * @param {Given} parts.given the files to keep
   * @param {() => Settings | undefined} parts.settings the present ones
   * @param {() => void} parts.changed called when something has been kept or removed
   */
  constructor({ given, settings, changed }) {
    this.#given = given;
    this.#settings = settings;
    this.#changed = changed;
    addEventListener("pagehide", () => this.#note());
    addEventListener("beforeunload", (event) => {
      if (this.#given.model && !this.#kept) event.preventDefault(); // the browser asks whether to leave
    });
  }

  /** When the copies are removed; null if there are none. */
  get until() {
    return this.#kept && this.#id ? new Date(madeAt(this.#id) + DAY_MS) : null;
  }

  /** Brings the copies in line with what is open; one after the other. */
  follow() {
    this.#work = this.#work.then(() => this.#follow()).catch(() => this.#drop());
    return this.#work;
  }

  /** What this tab had open before it was reloaded; `given` has the files then. Null: nothing, or it is gone. */
  async recall() {
    const note = noted();
    if (!note) {
      this.#sweep().catch(() => {
        /* there is no such file system, so nothing is in it */
      });
      return null;
    }
    try {
      await this.#sweep();
      const place = await (await folder()).getDirectoryHandle(note.id);
      const [model, [calibration], [recipe]] = await Promise.all(
        ROLES.map((role) => Promise.all((note.names[role] ?? []).map((name, at) => copyOf(place, role, at, name)))),
      );
      const files = { model, calibration: calibration ?? null, recipe: recipe ?? null };
      this.#id = note.id;
      this.#hold();
      this.#written = { ...files };
      this.#kept = true;
      Object.assign(this.#given, files);
      this.#changed();
      return { name: model[0].name, settings: note.settings };
    } catch {
      remember(null);
      return { name: note.names.model?.[0] ?? "", settings: null };
    }
  }

  /** Removes the copies of this tab, and those that closed tabs have left. What is open stays open. */
  forget() {
    this.#forgotten = this.#given.model;
    this.#work = this.#work.then(async () => {
      await this.#drop();
      await this.#sweep(0);
    });
    return this.#work.catch(() => {
      /* where nothing can be kept, nothing is left */
    });
  }

  #note() {
    const settings = this.#settings();
    if (!this.#kept || !settings) return;
    const names = Object.fromEntries(ROLES.map((role) => [role, listOf(this.#written[role]).map(({ name }) => name)]));
    remember({ id: this.#id, names, settings });
  }

  /** As long as this tab is open, other tabs leave its folder alone. */
  #hold() {
    navigator.locks
      ?.request(lockOf(this.#id), { mode: "shared" }, () => new Promise(() => {}))
      .catch(() => {
        /* no locks here: then folders go by their age alone */
      });
  }

  async #follow() {
    const { model } = this.#given;
    if (!model || model === this.#forgotten) {
      if (this.#id) await this.#drop();
      return;
    }
    if (ROLES.every((role) => (this.#written[role] ?? null) === this.#given[role])) return;
    if (this.#written.model !== model) await this.#drop();
    const bytes = ROLES.flatMap((role) => listOf(this.#given[role])).reduce((sum, { size }) => sum + size, 0);
    const { quota = 0, usage = 0 } = (await navigator.storage?.estimate?.()) ?? {};
    if (bytes > Math.min(MOST_BYTES, quota - usage)) {
      await this.#drop();
      return;
    }
    if (!this.#id) {
      this.#id = `${Date.now()}-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
      this.#hold();
    }
    await this.#write(await (await folder()).getDirectoryHandle(this.#id, { create: true }));
    this.#kept = true;
    this.#note();
    this.#changed();
  }

  /** @param {FileSystemDirectoryHandle} place */
  async #write(place) {
    for (const role of ROLES) {
      const held = this.#given[role];
      const before = this.#written[role] ?? null;
      if (held === before) continue;
      for (const at of listOf(before).keys()) await place.removeEntry(`${role}-${at}`);
      for (const [at, file] of listOf(held).entries()) {
        const handle = await place.getFileHandle(`${role}-${at}`, { create: true });
        await file.stream().pipeTo(await handle.createWritable());
      }
      Object.assign(this.#written, { [role]: held });
    }
  }

  async #drop() {
    const id = this.#id;
    this.#id = "";
    this.#written = {};
    this.#kept = false;
    remember(null);
    this.#changed();
    if (id) await (await folder()).removeEntry(id, { recursive: true });
  }

  /**
   * Removes folders that are too old, and those that no open tab has if `most` is 0.
   * @param {number} most milliseconds
   */
  async #sweep(most = DAY_MS) {
    const place = await folder();
    const used = await inUse();
    for await (const name of place.keys()) {
      const old = Date.now() - madeAt(name) > DAY_MS;
      if (old || (most === 0 && !used.has(lockOf(name)))) await place.removeEntry(name, { recursive: true });
    }
  }
}

/**
 * An object that tells, once a task, when something in it was set.
 * @template {object} T
 * @param {T} held
 * @param {() => void} changed
 * @returns {T}
 */
export function watched(held, changed) {
  let told = false;
  return new Proxy(held, {
    set(target, name, value) {
      Reflect.set(target, name, value);
      if (!told) {
        told = true;
        queueMicrotask(() => {
          told = false;
          changed();
        });
      }
      return true;
    },
  });
}

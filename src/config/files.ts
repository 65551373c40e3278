import { ConfigError } from "./config_error.ts";

/** The files of the machine as the configuration needs them; tests hand in their own. */
export interface Files {
  /** A file's text (UTF-8). @throws {ConfigError} which says what is wrong, naming `where` and the path */
  readText(path: string, where: string): string;
  /** Checks that `path` is a directory, as far as that may be seen. @throws {ConfigError} when it is not */
  checkDirectory(path: string, where: string): void;
  /** What is wrong with a certificate and its key, both PEM: they don't fit each other, or TLS can't use them. */
  checkKeyPair(pair: { readonly cert: string; readonly key: string }): "foreign" | "unusable" | undefined;
}

/** The most a configuration file may hold; more is a mistake (a device, a log). */
const LARGEST_FILE = 4 * 1024 * 1024;

/** Reads files through Deno, asking for the state of the permission first so that nothing ever prompts. */
export function machineFiles(): Files {
  return {
    readText(path, where) {
      if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") {
        throw new ConfigError(`${where} needs to read ${path}: run Deno with --allow-read=${path}`, {
          code: "permission",
        });
      }
      let bytes: Uint8Array;
      try {
        const { isDirectory, size } = Deno.statSync(path);
        if (isDirectory) throw new ConfigError(`${where}: ${path} is a directory`);
        if (size > LARGEST_FILE) throw new ConfigError(`${where}: ${path} is too large`);
        bytes = Deno.readFileSync(path);
      } catch (error) {
        if (error instanceof ConfigError) throw error;
        throw new ConfigError(`${where}: ${path} ${reason(error)}`, { cause: error });
      }
      try {
        return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      } catch (error) {
        throw new ConfigError(`${where}: ${path} is not text (UTF-8)`, { cause: error });
      }
    },
    checkDirectory(path, where) {
      if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return;
      let directory: boolean;
      try {
        directory = Deno.statSync(path).isDirectory;
      } catch (error) {
        throw new ConfigError(`${where}: ${path} ${reason(error)}`, { cause: error });
      }
      if (!directory) throw new ConfigError(`${where}: ${path} is not a directory`);
    },
    checkKeyPair({ cert, key }) {
      try {
        // Reads and compares the two, and opens nothing.
        Deno.createHttpClient({ cert, key }).close();
        return undefined;
      } catch (error) {
        return /KeyMismatch|not be consistent/i.test(String(error)) ? "foreign" : "unusable";
      }
    },
  };
}

function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "does not exist";
  if (error instanceof Deno.errors.PermissionDenied) return "may not be read by this user";
  return `can't be read (${error instanceof Error ? error.message : String(error)})`;
}

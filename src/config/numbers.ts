import { ConfigError } from "./config_error.ts";

/** The longest time a timer can hold, in milliseconds (2³¹ − 1; about 24 days). */
const LONGEST_MS = 2_147_483_647;

/**
 * Reads a time in seconds, fractions allowed, as milliseconds.
 *
 * @param zero whether 0 is allowed
 * @throws {ConfigError} when `text` is no such number
 */
export function parseSeconds(text: string, where: string, zero = false): number {
  const value = decimal(text);
  const ms = value === undefined ? NaN : Math.round(value * 1000);
  if (value === undefined || ms > LONGEST_MS || (value === 0 ? !zero : ms < 1)) {
    throw new ConfigError(
      `${where} takes seconds${zero ? "" : " above 0"}, such as 30 or 2.5 (at most ${
        Math.floor(LONGEST_MS / 1000)
      })`,
    );
  }
  return ms;
}

/**
 * Reads a whole number from `least` to `most`.
 *
 * @throws {ConfigError} when `text` is no such number
 */
export function parseWhole(text: string, where: string, least: number, most: number, unit = ""): number {
  const trimmed = text.trim();
  const value = /^\d{1,15}$/.test(trimmed) ? Number(trimmed) : NaN;
  if (!(value >= least && value <= most)) {
    throw new ConfigError(`${where} takes a whole number${unit} from ${least} to ${most}`);
  }
  return value;
}

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1024,
  kib: 1024,
  kb: 1000,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  mb: 1000 ** 2,
  g: 1024 ** 3,
  gib: 1024 ** 3,
  gb: 1000 ** 3,
};

/** The least that fits a message: 1 KiB. */
const SMALLEST_SIZE = 1024;
/** A little under the longest string of V8 (2²⁹ − 24), which a message's text has to fit. */
const LARGEST_SIZE = 500 * 1024 ** 2;

/**
 * Reads a size in bytes: a number, or one with a unit (`KB`, `MB`, `GB` count in thousands; `KiB`, `MiB`,
 * `GiB` and `K`, `M`, `G` in 1024s; case does not matter).
 *
 * @throws {ConfigError} when `text` is no size or lies outside 1 KiB … 500 MiB
 */
export function parseSize(text: string, where: string): number {
  const match = /^(\d{1,15}(?:\.\d{1,15})?)\s*([a-z]{0,3})$/i.exec(text.trim());
  const unit = match === null ? "?" : match[2]!.toLowerCase();
  const factor = Object.hasOwn(UNITS, unit) ? UNITS[unit]! : NaN;
  const bytes = match === null ? NaN : Math.floor(Number(match[1]) * factor);
  if (!(bytes >= SMALLEST_SIZE && bytes <= LARGEST_SIZE)) {
    throw new ConfigError(`${where} takes a size from 1KiB to 500MiB, such as 64KB, 16MiB or 1048576`);
  }
  return bytes;
}

function decimal(text: string): number | undefined {
  const trimmed = text.trim();
  return /^(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})$/.test(trimmed) ? Number(trimmed) : undefined;
}

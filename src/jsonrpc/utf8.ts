const WINDOW = 64 * 1024;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** Decodes UTF-8 bytes; malformed sequences become U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Encodes text as UTF-8. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** Tells whether `bytes` is well-formed UTF-8, holding no more than a window of it as text. */
export function isUtf8(bytes: Uint8Array): boolean {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    for (let at = 0; at < bytes.length; at += WINDOW) {
      strict.decode(bytes.subarray(at, at + WINDOW), { stream: true });
    }
    strict.decode();
    return true;
  } catch {
    return false;
  }
}

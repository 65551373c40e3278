/** What a client is given to hand back: it can read it, and cannot make one. */
export interface Seal {
  /** Seals a value. */
  close(value: unknown): Promise<string>;
  /** The value that was sealed here; `undefined` for what was not. */
  open(sealed: string): Promise<unknown>;
}

const ALGORITHM = { name: "HMAC", hash: "SHA-256" } as const;

/**
 * Makes a {@linkcode Seal} with a key of its own, which lives as long as it does: an HMAC with SHA-256 (RFC 2104), compared
 * in constant time by WebCrypto.
 */
export function createSeal(): Seal {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  let key: Promise<CryptoKey> | undefined;
  const made = () => key ??= crypto.subtle.importKey("raw", secret, ALGORITHM, false, ["sign", "verify"]);
  const encoder = new TextEncoder();

  return {
    async close(value) {
      const body = encodeText(JSON.stringify(value));
      const mark = await crypto.subtle.sign(ALGORITHM.name, await made(), encoder.encode(body));
      return `${body}.${encodeBytes(new Uint8Array(mark))}`;
    },
    async open(sealed) {
      const [body, mark, ...rest] = sealed.split(".");
      if (body === undefined || mark === undefined || rest.length > 0) return undefined;
      const bytes = decodeBytes(mark);
      // One spelling only.
      if (bytes === undefined || encodeBytes(bytes) !== mark) return undefined;
      const ours = await crypto.subtle.verify(ALGORITHM.name, await made(), bytes, encoder.encode(body));
      return ours ? JSON.parse(new TextDecoder().decode(decodeBytes(body))) : undefined;
    },
  };
}

function encodeText(text: string): string {
  return encodeBytes(new TextEncoder().encode(text));
}

/** Base64url without padding (RFC 4648, section 5). */
function encodeBytes(bytes: Uint8Array): string {
  const plain = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return plain.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function decodeBytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\w-]*$/.test(text)) return undefined;
  try {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}

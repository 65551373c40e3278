import { type SecretBox, SecretBoxError } from "./secret_box.ts";

/** Makes texts unreadable to all who lack a key, which a keychain has. */
export interface Sealer {
  /**
   * Seals a text. The key is made where there is none.
   *
   * @param beside what is sealed in the same place now, if anything is: by it is seen whether another copy of this
   * program has made a new key meanwhile
   * @throws {SecretBoxError}
   */
  seal(text: string, beside: string | undefined): Promise<string>;
  /**
   * Opens what was sealed; `undefined` where the keychain does not give the key, or has another one.
   *
   * @throws {SecretBoxError} when the keychain can't be used
   */
  open(sealed: string): Promise<string | undefined>;
  /** Makes all that was sealed unreadable for good. @throws {SecretBoxError} */
  forget(): Promise<void>;
}

/** What {@linkcode createSealer} needs. */
export interface SealerOptions {
  /** Where the key is kept; made when it is first needed. */
  readonly box: () => SecretBox;
  /** What the key is kept under. What was sealed under one can't be opened under another. */
  readonly id: string;
  /** What a person sees of it. */
  readonly label: string;
  /** Does some work while no other copy of this program does. */
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * Makes a {@linkcode Sealer}. The keychain has the key alone, not the texts: some take no more than a few hundred bytes, none
 * replaces a text and what stands beside it in one step, and each access to one starts a process. Here it is one for each
 * program, however often tokens are renewed.
 *
 * AES-256 in Galois counter mode, a random nonce for each text.
 */
export function createSealer({ box: open, id, label, exclusively }: SealerOptions): Sealer {
  const bound = new TextEncoder().encode(id);
  let box: SecretBox | undefined;
  let key: CryptoKey | undefined;

  async function find(): Promise<CryptoKey | undefined> {
    const hex = await (box ??= open()).get(id);
    return hex === undefined || !/^[0-9a-f]{64}$/.test(hex) ? undefined : await importKey(hex);
  }

  async function make(): Promise<CryptoKey> {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    await box!.set(id, bytes.toHex(), label);
    const kept = await find();
    if (kept === undefined) {
      throw new SecretBoxError(`${box!.name} has not kept the key`, "use --token-store file");
    }
    return kept;
  }

  async function decrypt(sealed: string, key: CryptoKey): Promise<string | undefined> {
    try {
      const bytes = Uint8Array.fromBase64(sealed);
      const algorithm = { name: "AES-GCM", iv: bytes.subarray(0, IV_BYTES), additionalData: bound };
      const opened = await crypto.subtle.decrypt(algorithm, key, bytes.subarray(IV_BYTES));
      return new TextDecoder().decode(opened);
    } catch {
      return undefined;
    }
  }

  return {
    async seal(text, beside) {
      const current = key !== undefined && beside !== undefined && await decrypt(beside, key) !== undefined;
      if (!current) {
        key = await find() ?? await exclusively(async () => await find() ?? await make());
      }
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
      const algorithm = { name: "AES-GCM", iv, additionalData: bound };
      const sealed = new Uint8Array(
        await crypto.subtle.encrypt(algorithm, key!, new TextEncoder().encode(text)),
      );
      const all = new Uint8Array(IV_BYTES + sealed.length);
      all.set(iv);
      all.set(sealed, IV_BYTES);
      return all.toBase64();
    },
    async open(sealed) {
      const known = key && await decrypt(sealed, key);
      if (known !== undefined) return known;
      key = await find();
      return key && await decrypt(sealed, key);
    },
    async forget() {
      key = undefined;
      await (box ??= open()).delete(id);
    },
  };
}

const IV_BYTES = 12;

async function importKey(hex: string): Promise<CryptoKey> {
  return await crypto.subtle.importKey("raw", Uint8Array.fromHex(hex), "AES-GCM", false, [
    "encrypt",
    "decrypt",
  ]);
}

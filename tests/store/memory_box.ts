import type { SecretBox } from "../../src/store/secret_box.ts";

/** A keychain that ends with the test. */
export interface MemoryBox extends SecretBox {
  readonly secrets: Map<string, string>;
  /** How often it was asked for anything. */
  readonly asked: number;
}

/** Makes a {@linkcode MemoryBox}. */
export function memoryBox(): MemoryBox {
  const secrets = new Map<string, string>();
  let asked = 0;
  const turn = <T>(value: T) => {
    asked++;
    return Promise.resolve(value);
  };
  return {
    name: "the test's keychain",
    secrets,
    get asked() {
      return asked;
    },
    get: (id) => turn(secrets.get(id)),
    set: (id, secret) => turn(void secrets.set(id, secret)),
    delete: (id) => turn(void secrets.delete(id)),
  };
}

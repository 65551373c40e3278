import { ConfigError } from "./config_error.ts";

/** The kinds of private keys that TLS can use as they are: PKCS #8 (RFC 5958), PKCS #1 (RFC 8017) and SEC 1 (RFC 5915). */
const USABLE: ReadonlySet<string> = new Set(["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"]);

/**
 * Takes the private key out of a PEM text (RFC 7468); anything else in the file, such as the certificate, is left
 * out.
 *
 * @throws {ConfigError} which never shows the text: there is no key, more than one, or one that is encrypted,
 * damaged or of a kind that TLS can't use
 */
export function parsePrivateKey(text: string, where: string): string {
  const keys = [
    ...text.matchAll(/-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----([\s\S]*?)(?:-----END \1-----|$(?![\s\S]))/g),
  ];
  const [key, another] = keys;
  if (key === undefined) {
    throw new ConfigError(
      /-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/.test(text)
        ? `${where} holds a certificate and no private key; are the two files swapped?`
        : `${where} holds no PEM private key ("-----BEGIN PRIVATE KEY-----")`,
    );
  }
  if (another !== undefined) throw new ConfigError(`${where} holds more than one private key`);
  const [whole, kind = "", body = ""] = key;
  if (kind === "ENCRYPTED PRIVATE KEY" || /^\s*Proc-Type:.*ENCRYPTED/m.test(body)) {
    throw new ConfigError(
      `${where} is encrypted, which can't be used; decrypt it with openssl pkey -in FILE -out NEW-FILE`,
    );
  }
  if (!USABLE.has(kind)) {
    throw new ConfigError(
      `${where} holds a key of a kind that TLS can't use (${kind}); a PEM private key of RSA or ECDSA fits`,
    );
  }
  if (!whole.endsWith(`-----END ${kind}-----`)) {
    throw new ConfigError(`${where}: the private key has no END line`);
  }
  const base64 = body.replace(/\s+/g, "");
  if (!/^[A-Za-z0-9+/]{16,}={0,2}$/.test(base64)) {
    throw new ConfigError(`${where}: the private key is damaged`);
  }
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${kind}-----\n${lines.join("\n")}\n-----END ${kind}-----\n`;
}

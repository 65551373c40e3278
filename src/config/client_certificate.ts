import { parseCertificates } from "./certificates.ts";
import { ConfigError } from "./config_error.ts";
import type { Files } from "./files.ts";
import type { OptionValues } from "./option_values.ts";
import { parsePrivateKey } from "./private_key.ts";

/** What proves to a server who we are (mutual TLS), both PEM. */
export interface ClientCertificate {
  /** The certificate, and those that lead from it to its authority. */
  readonly cert: string;
  /** Its private key. */
  readonly key: string;
}

/**
 * Reads `--client-cert` and `--client-key`.
 *
 * @returns undefined when neither is given
 * @throws {ConfigError} when only one is, when a file does not hold what it should, or the two don't belong together
 */
export function resolveClientCertificate(values: OptionValues, files: Files): ClientCertificate | undefined {
  const certificate = values.text("client-cert");
  const key = values.text("client-key");
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined) {
    const [given, missing] = certificate === undefined
      ? [key!, "--client-cert"]
      : [certificate, "--client-key"];
    throw new ConfigError(`${given.where} needs ${missing} too: a certificate is of use only with its key`);
  }
  const text = files.readText(certificate.value, certificate.where);
  const where = `${certificate.where} ${certificate.value}`;
  if (
    !/-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/.test(text) && /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(text)
  ) {
    throw new ConfigError(`${where} holds a private key and no certificate; are the two files swapped?`);
  }
  const pair = {
    cert: parseCertificates(text, where).join(""),
    key: parsePrivateKey(files.readText(key.value, key.where), `${key.where} ${key.value}`),
  };
  const wrong = files.checkKeyPair(pair);
  if (wrong === "foreign") {
    throw new ConfigError(
      `the key of ${key.where} does not belong to the certificate of ${certificate.where} (the first, where there are several)`,
    );
  }
  if (wrong === "unusable") {
    throw new ConfigError(
      `TLS can't use the certificate of ${certificate.where} with the key of ${key.where}`,
    );
  }
  return pair;
}

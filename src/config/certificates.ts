import { ConfigError } from "./config_error.ts";

/**
 * Takes the certificates out of a PEM text, each as a PEM text of its own; anything else in the file (keys,
 * comments) is left out. Each is checked to be base64 of a DER sequence (RFC 7468 section 5, RFC 5280).
 *
 * @throws {ConfigError} when there is none, or one is damaged
 */
export function parseCertificates(text: string, where: string): string[] {
  const certificates: string[] = [];
  const blocks =
    /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----([\s\S]*?)(?:-----END \1-----|$(?![\s\S]))/g;
  for (const match of text.matchAll(blocks)) {
    const number = certificates.length + 1;
    if (!match[0].endsWith("-----END " + match[1] + "-----")) {
      throw new ConfigError(`${where}: certificate ${number} has no END line`);
    }
    const base64 = match[2]!.replace(/\s+/g, "");
    if (!isDerSequence(base64)) throw new ConfigError(`${where}: certificate ${number} is damaged`);
    const lines = base64.match(/.{1,64}/g) ?? [];
    certificates.push(`-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`);
  }
  if (certificates.length === 0) {
    throw new ConfigError(`${where} holds no PEM certificate ("-----BEGIN CERTIFICATE-----")`);
  }
  return certificates;
}

/** Whether `base64` decodes to exactly one DER SEQUENCE: tag 0x30 and a length that fits. */
function isDerSequence(base64: string): boolean {
  let der: string;
  try {
    der = atob(base64);
  } catch {
    return false;
  }
  if (der.length < 4 || der.charCodeAt(0) !== 0x30) return false;
  const first = der.charCodeAt(1);
  if (first < 0x80) return der.length === first + 2;
  const octets = first & 0x7f;
  if (octets < 1 || octets > 4) return false;
  let length = 0;
  for (let i = 0; i < octets; i++) length = length * 256 + der.charCodeAt(2 + i);
  return der.length === length + 2 + octets;
}

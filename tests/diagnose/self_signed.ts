/** A certificate for `localhost` that signs itself, with its key, both PEM. */
export interface SelfSigned {
  readonly cert: string;
  readonly key: string;
}

/**
 * Makes a self-signed server certificate (RFC 5280) that clients accept once it is added to their roots.
 *
 * @param days how long it is valid from yesterday on; negative makes an expired one
 */
export async function selfSigned(days: number): Promise<SelfSigned> {
  const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const ecdsaSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
  const name = sequence(
    set(sequence(oid(0x55, 0x04, 0x0a), text("Test"))),
    set(sequence(oid(0x55, 0x04, 0x03), text("localhost"))),
  );
  const start = Date.now() - 86_400_000 * (days < 0 ? 1 - days : 1);
  const validity = sequence(utcTime(start), utcTime(Date.now() + 86_400_000 * days));
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", keys.publicKey));
  // subjectAltName: dNSName localhost, iPAddress 127.0.0.1 (RFC 5280 section 4.2.1.6)
  const altNames = sequence(tlv(0x82, encode("localhost")), tlv(0x87, new Uint8Array([127, 0, 0, 1])));
  const extensions = tlv(0xa3, sequence(sequence(oid(0x55, 0x1d, 0x11), tlv(0x04, altNames))));
  const version3 = tlv(0xa0, integer(new Uint8Array([2])));
  const serial = integer(crypto.getRandomValues(new Uint8Array(8)));
  const body = sequence(version3, serial, ecdsaSha256, name, validity, name, spki, extensions);
  const raw = new Uint8Array(
    await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, keys.privateKey, body),
  );
  const signature = sequence(integer(raw.subarray(0, 32)), integer(raw.subarray(32)));
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  return {
    cert: pem("CERTIFICATE", sequence(body, ecdsaSha256, tlv(0x03, new Uint8Array([0, ...signature])))),
    key: pem("PRIVATE KEY", pkcs8),
  };
}

function tlv(tag: number, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const value = parts.flatMap((part) => [...part]);
  const length = value.length < 0x80
    ? [value.length]
    : value.length < 0x100
    ? [0x81, value.length]
    : [0x82, value.length >> 8, value.length & 0xff];
  return new Uint8Array([tag, ...length, ...value]);
}

const sequence = (...parts: Uint8Array[]) => tlv(0x30, ...parts);
const set = (...parts: Uint8Array[]) => tlv(0x31, ...parts);
const oid = (...bytes: number[]) => tlv(0x06, new Uint8Array(bytes));
const encode = (value: string) => new TextEncoder().encode(value);
const text = (value: string) => tlv(0x0c, encode(value));

/** A positive INTEGER: no needless leading zeros, one where the sign bit would be set. */
function integer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const from = bytes.findIndex((byte) => byte !== 0);
  const digits = from < 0 ? [0] : [...bytes.subarray(from)];
  return tlv(0x02, new Uint8Array(digits[0]! >= 0x80 ? [0, ...digits] : digits));
}

function utcTime(time: number): Uint8Array<ArrayBuffer> {
  return tlv(0x17, encode(`${new Date(time).toISOString().replace(/^20|[-:T]|\.\d+/g, "")}`));
}

function pem(label: string, der: Uint8Array): string {
  const lines = btoa(String.fromCharCode(...der)).match(/.{1,64}/g)!;
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

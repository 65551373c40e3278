/** Makes what looks like a signed JWT, and differs each time. Nobody here checks its signature. */
export function someJwt(claims: Record<string, unknown>, header: Record<string, unknown> = {}): string {
  const part = (text: string) =>
    new TextEncoder().encode(text).toBase64({ alphabet: "base64url", omitPadding: true });
  const head = part(JSON.stringify({ alg: "ES256", ...header }));
  return `${head}.${part(JSON.stringify(claims))}.${part(crypto.randomUUID())}`;
}

/** Reads the claims of a JWT. */
export function claimsOf(jwt: string): Record<string, unknown> {
  const bytes = Uint8Array.fromBase64(jwt.split(".")[1]!, { alphabet: "base64url" });
  return JSON.parse(new TextDecoder().decode(bytes));
}

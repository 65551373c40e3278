/** Whether an address, as a listener tells it, is this machine's alone. */
export function isLoopbackAddress(address: string): boolean {
  return address === "::1" || isLoopbackIpv4(address.replace(/^::ffff:/i, ""));
}

/**
 * Whether a `Host` header names this machine. A page whose own name was made to point here (DNS rebinding) may read all
 * answers, and is told by that name alone.
 */
export function namesLoopback(host: string | null): boolean {
  const name = /^(localhost|[\d.]+|\[::1\])(?::\d{1,5})?$/i.exec(host ?? "")?.[1]?.toLowerCase();
  return name === "localhost" || name === "[::1]" || (name !== undefined && isLoopbackIpv4(name));
}

function isLoopbackIpv4(address: string): boolean {
  const parts = address.split(".");
  return parts.length === 4 && parts[0] === "127" &&
    parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}

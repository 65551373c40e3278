/** Whether a host, as `URL.hostname` has it, is this machine and needs no name server to say so. */
export function isLoopbackHost(hostname: string): boolean {
  // `URL` has already brought 0x7f.1 and the like into this form.
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/** Where a server is and how it is reached. */
export type Endpoint =
  | { readonly kind: "http"; readonly url: URL }
  | { readonly kind: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "command"; readonly command: string; readonly args: readonly string[] };

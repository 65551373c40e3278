/**
 * `deno run --allow-env --allow-read --allow-write --allow-run scripts/release/sign_macos.ts FILE…`: signs executables for
 * macOS, there, and has Apple notarise them, with what the environment holds; where it holds no certificate, they stay as
 * they are.
 *
 * - `MACOS_CERTIFICATE`: a “Developer ID Application” certificate with its key (PKCS #12), in base64
 * - `MACOS_CERTIFICATE_PASSWORD`: what opens it
 * - `MACOS_NOTARY_KEY`, `MACOS_NOTARY_KEY_ID`, `MACOS_NOTARY_ISSUER`: a key of App Store Connect (the text of the `.p8`
 *   file), its id and that of its issuer; without all three nothing is notarised
 */
import { fileURLToPath } from "node:url";
import { runTool } from "./run_tool.ts";

/** What executables for macOS are signed with. */
export interface MacosSigner {
  /** In base64. */
  readonly certificate: string;
  readonly password: string;
  /** Undefined: they are not notarised. */
  readonly notary: Notary | undefined;
}

/** A key of App Store Connect. */
export interface Notary {
  readonly key: string;
  readonly id: string;
  readonly issuer: string;
}

const ENTITLEMENTS = fileURLToPath(new URL("../../deploy/macos/entitlements.plist", import.meta.url));

/** The signer that an environment describes; undefined when it has no certificate. @throws {Error} for half a notary */
export function macosSigner(get: (name: string) => string | undefined): MacosSigner | undefined {
  const certificate = get("MACOS_CERTIFICATE") || undefined;
  if (certificate === undefined) return undefined;
  const [key, id, issuer] = ["KEY", "KEY_ID", "ISSUER"].map((it) => get(`MACOS_NOTARY_${it}`) || undefined);
  const whole = key !== undefined && id !== undefined && issuer !== undefined;
  if (!whole && (key ?? id ?? issuer) !== undefined) {
    throw new Error("MACOS_NOTARY_KEY, MACOS_NOTARY_KEY_ID and MACOS_NOTARY_ISSUER go together");
  }
  return {
    certificate,
    password: get("MACOS_CERTIFICATE_PASSWORD") ?? "",
    notary: whole ? { key, id, issuer } : undefined,
  };
}

/** The first identity that `security find-identity -v` lists, by its hash. @throws {Error} when it lists none */
export function identityIn(listing: string): string {
  const found = listing.match(/^\s*\d+\) ([0-9A-F]{40}) "/m)?.[1];
  if (found === undefined) throw new Error(`the certificate is none to sign with: ${listing.trim()}`);
  return found;
}

/**
 * Signs executables in place, in a keychain of its own, and has them notarised. What is a bare file can't have the ticket
 * stapled to it: macOS asks Apple for it when the file is first started.
 *
 * @throws {Error} when one can't be signed, or Apple does not accept them
 */
export async function signMacos(
  files: readonly string[],
  { certificate, password, notary }: MacosSigner,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const keychain = `${directory}/signing.keychain-db`;
  const secret = crypto.randomUUID();
  try {
    const store = `${directory}/certificate.p12`;
    await Deno.writeFile(store, Uint8Array.fromBase64(certificate), { mode: 0o600 });
    await security("create-keychain", "-p", secret, keychain);
    await security("set-keychain-settings", "-lut", "3600", keychain);
    await security("unlock-keychain", "-p", secret, keychain);
    await security("import", store, "-k", keychain, "-P", password, "-T", "/usr/bin/codesign");
    await security("set-key-partition-list", "-S", "apple-tool:,apple:", "-s", "-k", secret, keychain);
    await security("list-keychains", "-d", "user", "-s", keychain, "login.keychain-db");
    const identity = identityIn(await security("find-identity", "-v", "-p", "codesigning", keychain));
    for (const file of files) {
      await runTool(`signing ${file}`, [
        "codesign",
        "--force",
        "--sign",
        identity,
        "--keychain",
        keychain,
        "--identifier",
        "mcp-connect",
        "--options",
        "runtime",
        "--entitlements",
        ENTITLEMENTS,
        "--timestamp",
        file,
      ]);
      await runTool(`verifying ${file}`, ["codesign", "--verify", "--strict", file]);
    }
    if (notary !== undefined) {
      for (const file of files) await notarise(file, notary, directory);
    }
  } finally {
    await security("delete-keychain", keychain).catch(() => {});
    await Deno.remove(directory, { recursive: true });
  }
}

function security(...args: [string, ...string[]]): Promise<string> {
  return runTool(`security ${args[0]}`, ["security", ...args]);
}

async function notarise(file: string, { key, id, issuer }: Notary, directory: string): Promise<void> {
  const [path, archive] = [`${directory}/notary.p8`, `${directory}/executable.zip`];
  await Deno.writeTextFile(path, key, { mode: 0o600 });
  await runTool(`packing ${file}`, ["ditto", "-c", "-k", file, archive]);
  const credentials = ["--key", path, "--key-id", id, "--issuer", issuer] as const;
  const said = await runTool(`notarising ${file}`, [
    "xcrun",
    "notarytool",
    "submit",
    archive,
    ...credentials,
    "--wait",
    "--timeout",
    "30m",
    "--output-format",
    "json",
  ]);
  const verdict = JSON.parse(said) as { id?: string; status?: string };
  if (verdict.status === "Accepted") return;
  const why = verdict.id === undefined
    ? said
    : await runTool("asking why", ["xcrun", "notarytool", "log", verdict.id, ...credentials]);
  throw new Error(`Apple does not accept ${file}: ${verdict.status}\n${why}`);
}

if (import.meta.main) {
  const signer = macosSigner((name) => Deno.env.get(name));
  const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  if (signer === undefined) {
    say("::notice::There is no certificate for macOS: the executables are neither signed nor notarised.");
  } else {
    await signMacos(Deno.args, signer);
    say(`signed${signer.notary === undefined ? "" : " and notarised"}: ${Deno.args.join(", ")}`);
  }
}

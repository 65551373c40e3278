/**
 * `deno run --allow-env --allow-read --allow-write --allow-run=osslsigncode scripts/release/sign_windows.ts FILE…`: signs
 * executables for Windows, on any system, with what the environment holds; where it holds no certificate, they stay as
 * they are.
 *
 * - `WINDOWS_CERTIFICATE`: the certificate with its key and its chain (PKCS #12), in base64
 * - `WINDOWS_CERTIFICATE_PASSWORD`: what opens it
 * - `WINDOWS_TIMESTAMP_URL`: who vouches for the time (RFC 3161); a signature without it ends with its certificate
 */
import { runTool } from "./run_tool.ts";

/** What executables for Windows are signed with. */
export interface WindowsSigner {
  /** In base64. */
  readonly certificate: string;
  readonly password: string;
  /** Undefined: nobody vouches for the time. */
  readonly timestamp: string | undefined;
}

/** Signs executables in place. @throws {Error} when one can't be signed, and then it is as it was */
export async function signWindows(
  files: readonly string[],
  { certificate, password, timestamp }: WindowsSigner,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    // Other users may see a program's arguments, but not these files.
    const [store, secret] = [`${directory}/certificate.p12`, `${directory}/password`];
    await Deno.writeFile(store, Uint8Array.fromBase64(certificate), { mode: 0o600 });
    await Deno.writeTextFile(secret, password, { mode: 0o600 });
    for (const file of files) {
      const signed = `${directory}/signed.exe`;
      await runTool(`signing ${file}`, [
        "osslsigncode",
        "sign",
        "-pkcs12",
        store,
        "-readpass",
        secret,
        "-h",
        "sha256",
        "-n",
        "mcp-connect",
        ...(timestamp === undefined ? [] : ["-ts", timestamp]),
        "-in",
        file,
        "-out",
        signed,
      ]);
      await Deno.copyFile(signed, file);
      await Deno.remove(signed);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

if (import.meta.main) {
  const certificate = Deno.env.get("WINDOWS_CERTIFICATE") || undefined;
  const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  if (certificate === undefined) {
    say("::notice::There is no certificate for Windows: the executables are not signed.");
  } else {
    await signWindows(Deno.args, {
      certificate,
      password: Deno.env.get("WINDOWS_CERTIFICATE_PASSWORD") ?? "",
      timestamp: Deno.env.get("WINDOWS_TIMESTAMP_URL") || undefined,
    });
    say(`signed: ${Deno.args.join(", ")}`);
  }
}

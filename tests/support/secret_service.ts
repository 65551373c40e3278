/** A Secret Service of the test's own: a session bus and a keyring that nobody else sees. */
export interface SecretServiceSession extends AsyncDisposable {
  /** What a program needs in its environment to find it. */
  readonly env: Readonly<Record<string, string>>;
}

/** Options of {@linkcode startSecretService}. */
export interface SecretServiceOptions {
  /** Whether the keyring is there and unlocked. @default true */
  readonly unlocked?: boolean;
}

/** Whether this machine has what it takes. */
export function hasSecretService(): boolean {
  const path = (Deno.env.get("PATH") ?? "").split(":");
  return ["secret-tool", "gnome-keyring-daemon", "dbus-daemon", "dbus-send"].every((name) =>
    path.some((folder) => {
      try {
        return Deno.statSync(`${folder}/${name}`).isFile;
      } catch {
        return false;
      }
    })
  );
}

/** Starts a session bus and GNOME Keyring on it, in a home of their own. */
export async function startSecretService(
  { unlocked = true }: SecretServiceOptions = {},
): Promise<SecretServiceSession> {
  const home = await Deno.makeTempDir();
  const config = `${home}/bus.conf`;
  // Without the folders of service files nothing is started that the test has not started.
  await Deno.writeTextFile(
    config,
    `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=${home}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`,
  );
  const env = {
    DBUS_SESSION_BUS_ADDRESS: `unix:path=${home}/bus`,
    HOME: home,
    XDG_DATA_HOME: `${home}/data`,
    XDG_RUNTIME_DIR: home,
    DISPLAY: "",
    WAYLAND_DISPLAY: "",
  };
  const start = (command: string, args: string[]) =>
    new Deno.Command(command, { args, env, stdin: "piped", stdout: "null", stderr: "null" }).spawn();
  const bus = start("dbus-daemon", [`--config-file=${config}`, "--nofork"]);
  await listening(() => ping(env));
  const args = ["--foreground", "--components=secrets", ...(unlocked ? ["--unlock"] : ["--start"])];
  const keyring = start("gnome-keyring-daemon", args);
  await bus.stdin.close();
  const password = keyring.stdin.getWriter();
  if (unlocked) await password.write(new TextEncoder().encode("a password"));
  await password.close();
  await listening(() => owned(env));
  return {
    env: { DBUS_SESSION_BUS_ADDRESS: env.DBUS_SESSION_BUS_ADDRESS, DISPLAY: "" },
    async [Symbol.asyncDispose]() {
      for (const child of [keyring, bus]) {
        try {
          child.kill("SIGKILL");
        } catch {
          // It has ended with the bus.
        }
        await child.status;
      }
      await Deno.remove(home, { recursive: true });
    },
  };
}

async function ask(env: Record<string, string>, ...args: string[]): Promise<string | undefined> {
  const { success, stdout } = await new Deno.Command("dbus-send", {
    args: ["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", ...args],
    env,
    stdin: "null",
    stderr: "null",
  }).output();
  return success ? new TextDecoder().decode(stdout) : undefined;
}

/** Asks until it is so: nothing tells when a service of the bus is there. */
async function listening(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !await holds(); tries++) {
    if (tries > 200) throw new Error("the Secret Service does not start");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const ping = async (env: Record<string, string>) =>
  await ask(env, "org.freedesktop.DBus.GetId") !== undefined;

const owned = async (env: Record<string, string>) =>
  (await ask(env, "org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"))?.includes(
    "true",
  ) ===
    true;

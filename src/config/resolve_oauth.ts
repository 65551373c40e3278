import { DEFAULT_SETTINGS, type Grant, type IdentityProvider } from "../oauth/settings.ts";
import { ConfigError } from "./config_error.ts";
import type { Files } from "./files.ts";
import { parseSeconds, parseWhole } from "./numbers.ts";
import { oneOf, type OptionValue, type OptionValues } from "./option_values.ts";
import type { OptionName } from "./options.ts";
import type { SignInSettings } from "./settings.ts";

/**
 * Reads the options for signing in.
 *
 * @returns undefined where nothing is signed in to
 * @throws {ConfigError} never showing a secret
 */
export function resolveOAuth(values: OptionValues, files: Files): SignInSettings | undefined {
  const wait = values.required("auth-wait");
  const waitMs = parseSeconds(wait.value, wait.where);
  const keychain = oneOf(values.required("token-store"), ["file", "keychain"]) === "keychain";
  if (oneOf(values.required("oauth"), ["auto", "off"]) === "off") return undefined;
  const info = clientInfo(values, files);
  const text = (name: OptionName) => values.text(name)?.value.trim();
  const clientId = text("client-id") ?? info.client_id;
  const clientSecret = secretOf("client-secret", values, files) ?? info.client_secret;
  const key = values.text("client-private-key");
  const privateKey = key && files.readText(key.value, key.where);
  const grant = grantOf(values);
  if (clientSecret !== undefined && clientId === undefined) {
    throw new ConfigError("a client secret is of use only with its client: give --client-id too");
  }
  if (
    grant === "client_credentials" && (clientId === undefined || (clientSecret ?? privateKey) === undefined)
  ) {
    throw new ConfigError(
      "--client-credentials needs --client-id, and --client-secret or --client-private-key with it",
    );
  }
  const workload = values.text("workload-token-file");
  const identityProvider = identityProviderOf(values, files);
  if (
    identityProvider !== undefined && clientId === undefined &&
    values.text("client-metadata-url") === undefined
  ) {
    throw new ConfigError(
      `${
        values.text("id-token-file")!.where
      } needs --client-id, the client that the server's own authorization server knows`,
    );
  }
  const port = values.text("callback-port");
  const scopes = values.list("scopes").value.flatMap((it) => it.split(/[\s,]+/)).filter((it) => it !== "");
  const urls = {
    authUrl: url(values, "auth-url"),
    tokenUrl: url(values, "token-url"),
    redirectUrl: url(values, "redirect-url"),
    clientMetadataUrl: url(values, "client-metadata-url"),
  };
  const resource = values.switch("no-resource").value ? false : text("resource");
  return {
    waitMs,
    keychain,
    oauth: {
      ...DEFAULT_SETTINGS,
      grant,
      ...defined({
        clientId,
        clientSecret,
        privateKey,
        privateKeyAlgorithm: text("client-key-algorithm"),
        resource,
        ...urls,
        workloadTokenFile: workload && fromRoot(workload.value),
        identityProvider,
      }),
      ...(port === undefined ? {} : { callbackPort: parseWhole(port.value, port.where, 1, 65_535) }),
      ...(scopes.length === 0 ? {} : { scopes }),
      authorizeParams: values.list("authorize-param").value.map((it) =>
        parameter(it, values.list("authorize-param").where)
      ),
      browser: values.switch("no-browser").value ? "print" : "open",
      allowPrivate: values.switch("allow-private-auth").value,
      pkceOptional: values.switch("allow-missing-pkce").value,
      dpop: oneOf(values.required("dpop"), ["auto", "always", "off"]),
    },
  };
}

function grantOf(values: OptionValues): Grant {
  const switched = (name: OptionName) => [values.switch(name)].find(({ value }) => value);
  const ways: readonly (readonly [Grant, { readonly where: string } | undefined])[] = [
    ["client_credentials", switched("client-credentials")],
    ["device_code", switched("device-code")],
    ["jwt_bearer", values.text("workload-token-file")],
    ["id_jag", values.text("id-token-file")],
  ];
  const [first, second] = ways.filter(([, given]) => given !== undefined);
  if (second !== undefined) {
    throw new ConfigError(
      `${first![1]!.where} and ${second[1]!.where} contradict each other; give only one`,
    );
  }
  return first?.[0] ?? "authorization_code";
}

/** Who vouches for the user; nobody without an ID token. */
function identityProviderOf(values: OptionValues, files: Files): IdentityProvider | undefined {
  const [token, clientId] = [values.text("id-token-file"), values.text("idp-client-id")];
  const tokenUrl = url(values, "idp-token-url");
  const clientSecret = secretOf("idp-client-secret", values, files);
  if (token === undefined) {
    const names = ["idp-token-url", "idp-client-id", "idp-client-secret", "idp-client-secret-file"] as const;
    const idle = names.map((name) => values.text(name)).find((it) => it !== undefined);
    if (idle !== undefined) throw new ConfigError(`${idle.where} is of use only with --id-token-file`);
    return undefined;
  }
  if (tokenUrl === undefined || clientId === undefined) {
    throw new ConfigError(`${token.where} needs --idp-token-url and --idp-client-id with it`);
  }
  return {
    idTokenFile: fromRoot(token.value),
    tokenUrl,
    clientId: notEmpty(clientId),
    ...(clientSecret === undefined ? {} : { clientSecret }),
  };
}

/** A file's path from the root on: the account at the server goes by it, wherever the program is started. */
function fromRoot(path: string): string {
  return /^(?:[\\/]|[a-z]:)/i.test(path) ? path : `${Deno.cwd()}/${path}`;
}

function secretOf(
  name: "client-secret" | "idp-client-secret",
  values: OptionValues,
  files: Files,
): string | undefined {
  const [secret, file] = [values.text(name), values.text(`${name}-file`)];
  if (secret !== undefined && file !== undefined && secret.level === file.level) {
    throw new ConfigError(`${secret.where} and ${file.where} contradict each other; give only one`);
  }
  if (file === undefined || (secret !== undefined && secret.level > file.level)) {
    return secret && notEmpty(secret);
  }
  return notEmpty({
    ...file,
    value: files.readText(file.value, file.where),
    where: `${file.where} ${file.value}`,
  });
}

function notEmpty({ value, where }: OptionValue<string>): string {
  const trimmed = value.replace(/^\ufeff/, "").trim();
  if (trimmed === "") throw new ConfigError(`${where} is empty`);
  return trimmed;
}

function clientInfo(values: OptionValues, files: Files): { client_id?: string; client_secret?: string } {
  const file = values.text("client-info");
  if (file === undefined) return {};
  const where = `${file.where} ${file.value}`;
  let read: unknown;
  try {
    read = JSON.parse(files.readText(file.value, file.where).replace(/^\ufeff/, ""));
  } catch (error) {
    // What JSON.parse says quotes the file.
    if (error instanceof SyntaxError) throw new ConfigError(`${where} holds no JSON`);
    throw error;
  }
  const { client_id: id, client_secret: secret } = Object(read);
  if (typeof id !== "string" || (secret !== undefined && typeof secret !== "string")) {
    throw new ConfigError(`${where} must be a JSON object with client_id, and client_secret if there is one`);
  }
  return secret === undefined ? { client_id: id } : { client_id: id, client_secret: secret };
}

function url(values: OptionValues, name: OptionName): string | undefined {
  const option = values.text(name);
  if (option === undefined) return undefined;
  const text = option.value.trim();
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new ConfigError(`${option.where} takes an http or https URL`);
  }
  return text;
}

function parameter(text: string, where: string): readonly [name: string, value: string] {
  const equals = text.indexOf("=");
  if (equals < 1) throw new ConfigError(`${where} takes NAME=VALUE`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

function defined<T extends object>(
  members: T,
): { [K in keyof T]?: NonNullable<T[K]> | Extract<T[K], false> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]> | Extract<T[K], false>;
  };
}

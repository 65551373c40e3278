import { type SecretBox, SecretBoxError } from "../secret_box.ts";
import { macosKeychain } from "./macos_keychain.ts";
import { secretService } from "./secret_service.ts";
import { windowsDpapi } from "./windows_dpapi.ts";

/**
 * The keychain of this system, as far as it can be reached by a program that is part of it.
 *
 * @param directory the store's directory, for what a system protects but does not keep
 * @throws {SecretBoxError} where there is none
 */
export function systemKeychain(directory: string, os: typeof Deno.build.os = Deno.build.os): SecretBox {
  switch (os) {
    case "darwin":
      return macosKeychain();
    case "windows":
      return windowsDpapi(directory);
    case "android":
    case "aix":
      throw new SecretBoxError(`no keychain is known on ${os}`, "use --token-store file");
    default:
      // The Secret Service is one of D-Bus, which is at home on the BSDs and Solaris as well.
      return secretService();
  }
}

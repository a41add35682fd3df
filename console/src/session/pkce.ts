/** Proof Key for Code Exchange (RFC 7636), method S256. */

/** A fresh secret of 256 bits, as base64url. */
export function secret(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** What is shown of a verifier when the login begins. */
export async function challenge(verifier: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Whether this browser can make and use passkeys at all. */
export const hasPasskeys = () => typeof PublicKeyCredential !== "undefined";

type Options = { publicKey: Record<string, unknown> };
// Standard methods that TypeScript's library does not know in all versions.
const native = () =>
  PublicKeyCredential as unknown as {
    parseCreationOptionsFromJSON(o: unknown): PublicKeyCredentialCreationOptions;
    parseRequestOptionsFromJSON(o: unknown): PublicKeyCredentialRequestOptions;
  };

/** Has the browser sign with a passkey; the answer is as the gateway takes it. */
export async function getPasskey(options: unknown): Promise<unknown> {
  const publicKey = native().parseRequestOptionsFromJSON((options as Options).publicKey);
  const credential = await navigator.credentials.get({ publicKey });
  return (credential as unknown as { toJSON(): unknown }).toJSON();
}

/** Has the browser make a passkey. */
export async function makePasskey(options: unknown): Promise<unknown> {
  const publicKey = native().parseCreationOptionsFromJSON((options as Options).publicKey);
  const credential = await navigator.credentials.create({ publicKey });
  return (credential as unknown as { toJSON(): unknown }).toJSON();
}

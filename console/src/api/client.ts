import createFetchClient from "openapi-fetch";
import createQueryClient from "openapi-react-query";
import { refusalTexts } from "@/i18n";
import type { components, paths } from "./schema";

/** The types of the management API, by name. */
export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];

/** A refusal of the gateway, or the lack of any answer (status 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId?: string,
    readonly fields: { location: string; message: string }[] = [],
    /** Seconds after which to try again. */
    readonly retryAfter?: number,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** Whether the gateway was not there: nothing is known of what was asked. */
  get offline() {
    return this.status === 0 || this.status === 502 || this.status === 504;
  }
}

/** What a refused answer says, whatever sent it. */
export async function refusal(response: Response): Promise<ApiError> {
  const retry = Number(response.headers.get("Retry-After")) || undefined;
  const id = response.headers.get("X-Request-Id") ?? undefined;
  try {
    const p = (await response.clone().json()) as Problem;
    if (p.code) return new ApiError(response.status, p.code, p.detail, p.request_id ?? id, p.errors ?? [], retry);
  } catch {
    // Not ours: a proxy's page.
  }
  return new ApiError(
    response.status,
    `http_${response.status}`,
    response.statusText || `HTTP ${response.status}`,
    id,
    [],
    retry,
  );
}

type Listener = (event: "offline" | "online" | "signed-out" | "setup") => void;
const listeners = new Set<Listener>();

/** Tells of what concerns the whole console, not one request. */
export function onConnection(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(event: Parameters<Listener>[0]) {
  for (const l of listeners) l(event);
}

/** What else finds that nothing answers, or that something does again, says so. */
export const gatewayAway = () => tell("offline");
export const gatewayBack = () => tell("online");

export const client = createFetchClient<paths>({ baseUrl: "" });

client.use({
  async onResponse({ response, request }) {
    if (response.ok) {
      tell("online");
      return;
    }
    const error = await refusal(response);
    if (error.offline) tell("offline");
    else tell("online");
    if (error.code === "setup_required") tell("setup");
    const signingIn = new URL(request.url).pathname.startsWith("/api/session");
    if (response.status === 401 && !signingIn) tell("signed-out");
    await refusalTexts(error.code);
    throw error;
  },
  onError({ error }) {
    if (error instanceof ApiError) return error;
    if (error instanceof DOMException && error.name === "AbortError") return error;
    tell("offline");
    return new ApiError(0, "no_connection", "The gateway does not answer.");
  },
});

/** Typed hooks: api.useQuery("get", "/api/tasks", …), api.useMutation("post", …). */
export const api = createQueryClient(client);

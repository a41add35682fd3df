/** Starts the console: asks who vouches for people here, takes back a login that left the page, and shows the app. */

import "@mantine/core/styles.css";
import "./design/tokens.css";

import { createRoot } from "react-dom/client";
import { setNonce } from "get-nonce";

import { App } from "./app";
import { Client } from "./api/client";
import type { ConsoleConfig } from "./api/types";
import { DemoIssuer } from "./session/demo";
import { OidcIssuer, handOver, returned } from "./session/oidc";
import { Session } from "./session/session";

const nonce = document.querySelector<HTMLMetaElement>("meta[name=csp-nonce]")?.content ?? "";
setNonce(nonce);

async function start(root: HTMLElement): Promise<void> {
  const found = returned(new URL(location.href));
  if (found !== null && handOver(found)) {
    root.textContent = "You are logged in. This window can be closed.";
    return;
  }
  const config = await ask();
  const issuer = config.login.kind === "demo" ? new DemoIssuer() : new OidcIssuer(provider(config.login));
  const session = new Session(issuer);
  if (found !== null && issuer instanceof OidcIssuer) await comeBack(session, issuer, found);
  createRoot(root).render(<App config={config} session={session} nonce={nonce} />);
}

async function comeBack(session: Session, issuer: OidcIssuer, found: NonNullable<ReturnType<typeof returned>>): Promise<void> {
  let to = "/";
  try {
    const { grant, backTo } = await issuer.complete(found);
    to = backTo;
    await session.accept(grant);
  } catch (failure) {
    session.failed(failure);
  }
  history.replaceState(null, "", to);
}

/** What the sidecar says of itself; asked until it answers. */
async function ask(): Promise<ConsoleConfig> {
  const client = new Client({ token: () => null, refused: () => undefined });
  for (let pause = 500; ; pause = Math.min(pause * 2, 8_000)) {
    try {
      return (await client.get<ConsoleConfig>("/console/config")).body;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

type Login = ConsoleConfig["login"];

function provider(login: Login): { readonly issuer: string; readonly clientId: string; readonly scope: string } {
  if (login.issuer == null || login.client_id == null) throw new Error("the sidecar names no provider");
  return { issuer: login.issuer, clientId: login.client_id, scope: login.scope ?? "openid" };
}


const root = document.getElementById("root");
if (root !== null) void start(root);

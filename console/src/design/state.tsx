/** The states that every region of a page can be in beside its content: loading, failed, empty. */

import { Button, Skeleton } from "@mantine/core";
import { Component, type ReactNode } from "react";

import { Problem } from "../api/problem";
import { useSpeech } from "../words/words";
import { escaped } from "./hidden";
import { PageTitle } from "./page-title";
import css from "./state.module.css";

interface State {
  /** This is all there is to the page: what it says is the heading of it. */
  readonly isPage?: boolean;
}

/** Grey bars in the shape of what is coming. */
export function Loading({ lines = 6, height = 20, isPage = false }: State & { readonly lines?: number; readonly height?: number }) {
  const { say } = useSpeech();
  return (
    <div role="status" aria-label={say("state.loading")} className={css["loading"]}>
      {isPage && <h1 className="unseen">{say("state.loading")}</h1>}
      {Array.from({ length: lines }, (_, index) => (
        <Skeleton key={index} height={height} width={`${String(100 - ((index * 17) % 45))}%`} />
      ))}
    </div>
  );
}

/** What went wrong, and what can be done about it. */
export function Failure({ failure, again, isPage = false }: State & { readonly failure: Error; readonly again?: () => void }) {
  const { say } = useSpeech();
  const forbidden = failure instanceof Problem && failure.status === 403;
  return (
    <div role="alert" className={css["failure"]}>
      <Title isPage={isPage}>{say(forbidden ? "state.forbidden" : "state.failed")}</Title>
      <p>{forbidden ? say("state.forbidden.detail") : escaped(failure.message)}</p>
      {again !== undefined && !forbidden && (
        <Button variant="default" size="xs" onClick={again}>
          {say("state.again")}
        </Button>
      )}
    </div>
  );
}

/** Nothing is there. */
export function Empty({ title, isPage = false, children }: State & { readonly title: string; readonly children?: ReactNode }) {
  return (
    <div className={css["empty"]}>
      <Title isPage={isPage}>{title}</Title>
      {children}
    </div>
  );
}

function Title({ isPage, children }: { readonly isPage: boolean; readonly children: string }) {
  return isPage ? <PageTitle name={children} /> : <strong>{children}</strong>;
}

/** A part of the page that breaks takes no other with it. */
export class Region extends Component<{ readonly children: ReactNode }, { readonly broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError(): { readonly broken: boolean } {
    return { broken: true };
  }

  override render(): ReactNode {
    return this.state.broken ? <Broken /> : this.props.children;
  }
}

function Broken() {
  const { say } = useSpeech();
  return (
    <div role="alert" className={css["failure"]}>
      <strong>{say("state.bug")}</strong>
      <p>{say("state.bug.detail")}</p>
    </div>
  );
}

import { describe, expect, it, vi } from "vitest";

import { Problem, Unreachable } from "../api/problem";
import { type Clock, Desk, type Kept, type Send, type Stage, UNDO_MS, type Wish, isGivenBack, isUnderWay } from "./outgoing";

const WISH: Wish = { patchId: "APV-1", version: '"7"', action: "approve", body: {}, typed: { text: "well done", presets: [] } };

/** A clock that stands still until it is told to go on. */
class Still implements Clock {
  private at = 0;
  private waiting: { readonly due: number; readonly run: () => void }[] = [];

  now = (): number => this.at;

  after = (ms: number, run: () => void): (() => void) => {
    const one = { due: this.at + ms, run };
    this.waiting.push(one);
    return () => {
      this.waiting = this.waiting.filter((other) => other !== one);
    };
  };

  async pass(ms: number): Promise<void> {
    this.at += ms;
    const due = this.waiting.filter((one) => one.due <= this.at);
    this.waiting = this.waiting.filter((one) => one.due > this.at);
    for (const one of due) one.run();
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  }
}

function desk(send: Send, kept: readonly Kept[] = []) {
  const clock = new Still();
  const memory = { read: () => kept, write: vi.fn<(unanswered: readonly Kept[]) => void>() };
  const settled: Stage[] = [];
  let keys = 0;
  const made = new Desk(send, (_, stage) => settled.push(stage), memory, clock, () => `key ${String((keys += 1))}`);
  return { clock, settled, memory, desk: made, stage: () => made.now()[0]?.stage.kind };
}

const refusal = (status: number, kind: string): Problem => new Problem(status, kind, kind, null, {}, null);

describe("a decision", () => {
  it("is not sent before ten seconds are over", async () => {
    const send = vi.fn<Send>().mockResolvedValue({ missing: 0 });
    const { clock, desk: at, stage } = desk(send);
    at.decide(WISH);
    await clock.pass(UNDO_MS - 1);
    expect(send).not.toHaveBeenCalled();
    await clock.pass(1);
    expect(send).toHaveBeenCalledExactlyOnceWith(WISH, "key 1", false);
    expect(stage()).toBe("done");
  });

  it("that was taken back is never sent, and what was typed comes back", async () => {
    const send = vi.fn<Send>();
    const { clock, desk: at } = desk(send);
    at.decide(WISH);
    expect(at.undo("key 1")).toEqual(WISH);
    await clock.pass(UNDO_MS * 2);
    expect(send).not.toHaveBeenCalled();
    expect(at.now()).toEqual([]);
  });

  it("cannot be taken back once it is sent", async () => {
    const { clock, desk: at } = desk(() => new Promise(() => undefined));
    at.decide(WISH);
    await clock.pass(UNDO_MS);
    expect(at.undo("key 1")).toBeNull();
  });

  it("is sent when the page is left", () => {
    const send = vi.fn<Send>().mockResolvedValue({ missing: 0 });
    const { desk: at } = desk(send);
    at.decide(WISH);
    at.leave();
    expect(send).toHaveBeenCalledExactlyOnceWith(WISH, "key 1", true);
  });

  it("that has no answer yet is sent once more when the page is left, with the same key", async () => {
    const send = vi.fn<Send>().mockRejectedValueOnce(new Unreachable("gone")).mockResolvedValue({ missing: 0 });
    const { clock, desk: at } = desk(send);
    at.decide(WISH);
    await clock.pass(UNDO_MS);
    expect(at.wouldLose()).toBe(true);
    at.leave();
    expect(send.mock.calls.map(([, key, leaving]) => [key, leaving])).toEqual([
      ["key 1", false],
      ["key 1", true],
    ]);
    await clock.pass(0);
    expect(at.wouldLose()).toBe(false);
  });

  it("that one sending has settled is not begun again by another that failed", async () => {
    const answers: (() => void)[] = [];
    const send = vi.fn<Send>(
      () =>
        new Promise((resolve, reject) => {
          answers.push(answers.length === 0 ? () => { reject(refusal(409, "idempotency-key-in-flight")); } : () => { resolve({ missing: 0 }); });
        }),
    );
    const { clock, desk: at, stage } = desk(send);
    at.decide(WISH);
    await clock.pass(UNDO_MS);
    at.leave();
    answers[1]?.();
    await clock.pass(0);
    answers[0]?.();
    await clock.pass(0);
    expect(stage()).toBe("done");
    await clock.pass(60_000);
    expect(send).toHaveBeenCalledTimes(2);
  });

  it("of a person who has gone is not sent any more, whatever it waited for", async () => {
    const send = vi.fn<Send>().mockRejectedValue(new Unreachable("gone"));
    const { clock, desk: at } = desk(send);
    at.decide(WISH);
    await clock.pass(UNDO_MS);
    at.close();
    await clock.pass(60_000);
    at.sendNow("key 1");
    at.leave();
    expect(send).toHaveBeenCalledOnce();
  });

  it("of a person who has gone leaves nothing behind, however it is answered, and keeps no page from going", async () => {
    const answers: (() => void)[] = [];
    const send: Send = () => new Promise((resolve) => answers.push(() => { resolve({ missing: 0 }); }));
    const { clock, desk: at, memory, settled } = desk(send);
    at.decide(WISH);
    await clock.pass(UNDO_MS);
    at.close();
    expect(at.wouldLose()).toBe(false);
    memory.write.mockClear();
    answers[0]?.();
    await clock.pass(UNDO_MS);
    at.dismiss("key 1");
    expect(memory.write).not.toHaveBeenCalled();
    expect(settled).toEqual([]);
  });

  it("goes before the person does, who stays where it cannot", async () => {
    const done = desk(vi.fn<Send>().mockResolvedValue({ missing: 0 }));
    done.desk.decide(WISH);
    expect(await done.desk.flush(5_000)).toBe(true);
    const refused = desk(vi.fn<Send>().mockRejectedValue(refusal(412, "stale-version")));
    refused.desk.decide(WISH);
    expect(await refused.desk.flush(5_000)).toBe(true);
    expect(refused.stage()).toBe("refused");
    const unproven = desk(vi.fn<Send>().mockRejectedValue(refusal(401, "login-too-old")));
    unproven.desk.decide(WISH);
    expect(await unproven.desk.flush(5_000)).toBe(false);
    const silent = desk(() => new Promise(() => undefined));
    silent.desk.decide(WISH);
    const flushed = silent.desk.flush(5_000);
    await silent.clock.pass(5_000);
    expect(await flushed).toBe(false);
    expect(await desk(vi.fn<Send>()).desk.flush(5_000)).toBe(true);
  });

  it("whose answer was lost is sent again with the same key", async () => {
    const send = vi.fn<Send>().mockRejectedValueOnce(new Unreachable("gone")).mockResolvedValueOnce({ missing: 0 });
    const { clock, desk: at, stage } = desk(send);
    at.decide(WISH);
    await clock.pass(UNDO_MS);
    expect(stage()).toBe("sending");
    await clock.pass(1_000);
    expect(send.mock.calls.map(([, key]) => key)).toEqual(["key 1", "key 1"]);
    expect(stage()).toBe("done");
  });

  it.each([
    [412, "stale-version"],
    [409, "not-pending"],
    [403, "not-allowed"],
    [422, "invalid-request"],
  ])("that is refused (%i) says so and is not sent again", async (status, kind) => {
    const send = vi.fn<Send>().mockRejectedValue(refusal(status, kind));
    const { clock, desk: at, stage, settled } = desk(send);
    at.decide(WISH);
    await clock.pass(UNDO_MS);
    await clock.pass(60_000);
    expect(stage()).toBe("refused");
    expect(settled).toHaveLength(1);
    expect(send).toHaveBeenCalledOnce();
  });

  it("that needs a fresh login waits for it, and is then sent with the same key", async () => {
    const send = vi.fn<Send>().mockRejectedValueOnce(refusal(401, "login-too-old")).mockResolvedValueOnce({ missing: 1 });
    const { clock, desk: at, stage } = desk(send);
    at.decide(WISH);
    await clock.pass(UNDO_MS);
    expect(stage()).toBe("login_too_old");
    at.sendNow("key 1");
    await clock.pass(0);
    expect(send.mock.calls.map(([, key]) => key)).toEqual(["key 1", "key 1"]);
    expect(at.now()[0]?.stage).toEqual({ kind: "done", missing: 1 });
  });

  it.each([
    ["is due while nobody is logged in", UNDO_MS],
    ["was sent before the session ended", 0],
  ])("that %s waits for the login, without a question", async (_, passed) => {
    const send = vi.fn<Send>().mockResolvedValue({ missing: 0 });
    if (passed === 0) send.mockRejectedValueOnce(refusal(401, "invalid-token"));
    const { clock, desk: at, memory, stage } = desk(send);
    at.decide(WISH);
    await clock.pass(UNDO_MS - passed);
    const before = send.mock.calls.length;
    at.pause();
    expect(at.wouldLose()).toBe(true);
    for (let second = 0; second < 60; second += 1) await clock.pass(1_000);
    at.leave();
    const flushed = at.flush(5_000);
    await clock.pass(5_000);
    expect(await flushed).toBe(false);
    expect(send).toHaveBeenCalledTimes(before);
    expect(memory.write.mock.lastCall?.[0].map(({ sent }) => sent)).toEqual([passed === 0]);
    at.goOn();
    await clock.pass(0);
    expect(send).toHaveBeenCalledTimes(before + 1);
    expect(stage()).toBe("done");
  });

  it("that is not due yet when somebody logs in waits on", async () => {
    const send = vi.fn<Send>().mockResolvedValue({ missing: 0 });
    const { clock, desk: at } = desk(send);
    at.decide(WISH);
    at.pause();
    at.goOn();
    await clock.pass(UNDO_MS - 1);
    expect(send).not.toHaveBeenCalled();
    await clock.pass(1);
    expect(send).toHaveBeenCalledOnce();
  });

  it("on a patch with one under way is not taken", () => {
    const { desk: at } = desk(() => new Promise(() => undefined));
    at.decide(WISH);
    at.decide({ ...WISH, action: "reject" });
    expect(at.now().map(({ wish }) => wish.action)).toEqual(["approve"]);
  });
});

it.each<[Stage, boolean, boolean]>([
  [{ kind: "waiting", sendsAt: 0 }, true, false],
  [{ kind: "sending" }, true, false],
  [{ kind: "done", missing: 0 }, false, false],
  [{ kind: "login_too_old" }, false, false],
  [{ kind: "left", sent: false }, false, true],
  [{ kind: "left", sent: true }, false, true],
  [{ kind: "refused", problem: new Unreachable("gone") }, false, true],
])("a decision at %j is under way: %s, and the person's again: %s", (stage, underWay, givenBack) => {
  expect([isUnderWay(stage), isGivenBack(stage)]).toEqual([underWay, givenBack]);
});

describe("a page that is loaded again", () => {
  const before: Kept = { key: "key 0", wish: WISH, decidedAt: 0, sent: true };

  it("sends once more what was sent, with the key that it had", async () => {
    const send = vi.fn<Send>().mockResolvedValue({ missing: 0 });
    const { clock, desk: at, memory, stage } = desk(send, [before]);
    at.resume();
    await clock.pass(0);
    expect(send).toHaveBeenCalledExactlyOnceWith(WISH, "key 0", false);
    expect(stage()).toBe("done");
    expect(memory.write).toHaveBeenLastCalledWith([]);
  });

  it.each([
    ["was never sent", { ...before, sent: false }, 0],
    ["is long ago", before, 600_000],
    ["is of another time", { ...before, decidedAt: 1_000 }, 0],
  ])("never sends by itself what %s, and tells the person until they have read it", async (_, kept, passed) => {
    const send = vi.fn<Send>();
    const { clock, desk: at, memory, settled } = desk(send, [kept]);
    await clock.pass(passed);
    at.resume();
    await clock.pass(UNDO_MS);
    expect(send).not.toHaveBeenCalled();
    expect(at.now()[0]?.stage).toEqual({ kind: "left", sent: kept.sent });
    expect(settled).toHaveLength(1);
    expect(memory.write).toHaveBeenLastCalledWith([kept]);
    at.dismiss("key 0");
    expect(memory.write).toHaveBeenLastCalledWith([]);
  });

  it("does not send what waited for a fresh login", async () => {
    const { clock, desk: at, memory } = desk(vi.fn<Send>().mockRejectedValue(refusal(401, "login-too-old")));
    at.decide(WISH);
    await clock.pass(UNDO_MS);
    expect(memory.write).toHaveBeenLastCalledWith([{ key: "key 1", wish: WISH, decidedAt: 0, sent: false }]);
  });

  it("finds what waited, and nothing that was answered or taken back", async () => {
    const { clock, desk: at, memory } = desk(vi.fn<Send>().mockRejectedValue(refusal(412, "stale-version")));
    at.decide(WISH);
    expect(memory.write).toHaveBeenLastCalledWith([{ key: "key 1", wish: WISH, decidedAt: 0, sent: false }]);
    at.undo("key 1");
    expect(memory.write).toHaveBeenLastCalledWith([]);
    at.decide(WISH);
    await clock.pass(UNDO_MS);
    expect(at.now()[0]?.stage.kind).toBe("refused");
    expect(memory.write).toHaveBeenLastCalledWith([]);
  });
});

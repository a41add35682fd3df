/**
 * What this tab claimed because its person was led to it, not because they asked for it: held while it is open and while it is being
 * decided, and let go once it is left undecided. Claims end by themselves as well: whatever goes wrong here is over in 15 minutes.
 */

import type { Clock } from "./outgoing";

/** Before the 15 minutes of a claim are over. */
const RENEW_MS = 10 * 60_000;

export type Standing = "open" | "deciding" | "decided";

/** Claim or release at the sidecar; `leaving` outlives the page. Raises Problem, Unreachable. */
export type Ask = (patchId: string, what: "claim" | "release", leaving: boolean) => Promise<void>;

interface Hold {
  readonly claim: Promise<boolean>;
  isHeld: boolean;
  isOpen: boolean;
  stop: () => void;
}

export class Holds {
  private readonly all = new Map<string, Hold>();

  constructor(
    private readonly ask: Ask,
    private readonly standing: (patchId: string) => Standing,
    private readonly time: Pick<Clock, "after">,
  ) {}

  /** Its card was gone on to, and is there. */
  take(patchId: string): void {
    this.forget(patchId);
    const hold: Hold = { claim: this.tries(patchId, "claim"), isHeld: false, isOpen: true, stop: () => undefined };
    void hold.claim.then((isHeld) => {
      hold.isHeld = isHeld;
    });
    this.all.set(patchId, hold);
    this.renewLater(patchId, hold);
  }

  /** Its card is not there any more. */
  leave(patchId: string): void {
    const hold = this.all.get(patchId);
    if (hold === undefined) return;
    hold.isOpen = false;
    this.look();
  }

  /** The person claimed it, took it over or let it go themselves: that is theirs to end. */
  forget(patchId: string): void {
    this.all.get(patchId)?.stop();
    this.all.delete(patchId);
  }

  /** Something became of a decision. */
  readonly look = (): void => {
    for (const [patchId, { isOpen }] of this.all) {
      const standing = this.standing(patchId);
      if (standing === "decided") this.forget(patchId);
      else if (!isOpen && standing === "open") this.letGo(patchId, false);
    }
  };

  /** The page or the person goes. What is being decided is claimed by whoever decides it until that is done. */
  leaveAll(): void {
    for (const patchId of [...this.all.keys()]) {
      if (this.standing(patchId) === "open") this.letGo(patchId, true);
      else this.forget(patchId);
    }
  }

  private letGo(patchId: string, leaving: boolean): void {
    const hold = this.all.get(patchId);
    this.forget(patchId);
    if (hold === undefined) return;
    // At once where it can be: the next moment there may be no page, or nobody logged in.
    if (hold.isHeld) void this.tries(patchId, "release", leaving);
    else {
      // One whose answer is still to come would be held by somebody who is elsewhere.
      void hold.claim.then(async (isHeld) => {
        if (isHeld && !this.all.has(patchId)) await this.tries(patchId, "release", leaving);
      });
    }
  }

  private renewLater(patchId: string, hold: Hold): void {
    hold.stop = this.time.after(RENEW_MS, () => {
      void this.tries(patchId, "claim");
      this.renewLater(patchId, hold);
    });
  }

  /** Nobody asked for it, so nobody is told that it did not work: the card says who holds it. */
  private async tries(patchId: string, what: "claim" | "release", leaving = false): Promise<boolean> {
    try {
      await this.ask(patchId, what, leaving);
      return true;
    } catch {
      return false;
    }
  }
}

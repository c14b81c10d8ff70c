import type { TFunction } from "i18next";
import type { Schemas } from "@/api/client";
import * as format from "@/lib/format";

/** Why a task failed, by its code; the reason behind it is the gateway's or the upstream's own text. */
export const failure = (t: TFunction, code: string | undefined) =>
  code ? t(`tasks.fail.${code}`, { defaultValue: code }) : "";

/** What happened, in the reader's language. The gateway's own text stands in where there are no words for it. */
export function happened(t: TFunction, e: Schemas["TimelineEntry"], task: Schemas["TaskPage"]): string {
  const attempt = Number(/Attempt (\d+)/i.exec(e.text)?.[1] ?? /attempt (\d+)/.exec(e.text)?.[1] ?? 1);
  switch (e.kind) {
    case "accepted":
      return t("tasks.event.accepted", { amount: format.usd(task.quota) });
    case "attempt": {
      if (e.outcome === "accepted") return t("tasks.event.attemptAccepted", { n: attempt });
      if (e.text.includes("on its way")) return t("tasks.event.attemptGoing", { n: attempt });
      if (e.outcome === "unsure") return t("tasks.event.attemptUnsure", { n: attempt });
      return t("tasks.event.attemptRefused", { n: attempt });
    }
    case "callback": {
      const said = /said "([^"]*)"/.exec(e.text)?.[1];
      return said ? t("tasks.event.callbackSaid", { n: attempt, said }) : t("tasks.event.callback");
    }
    case "polls":
      return t("tasks.event.polls", { count: e.tries ?? 0 });
    case "settled":
      if (task.status === "succeed") return t("tasks.event.succeeded", { amount: format.usd(task.charged) });
      return t("tasks.event.failed", { why: failure(t, task.fail_code) });
    case "webhook": {
      const where = /(https?:\/\/\S+?)(?:\.$| is on| arrived| failed)/.exec(e.text)?.[1] ?? "";
      if (e.outcome === "delivered") return t("tasks.event.webhookDelivered", { where });
      if (e.outcome === "failed") return t("tasks.event.webhookFailed", { where });
      return (e.tries ?? 0) > 0 ? t("tasks.event.webhookRetry", { where }) : t("tasks.event.webhookPending", { where });
    }
    default:
      return e.text;
  }
}

const steps: [RegExp, string][] = [
  [/^([\d.]+) USD per (.+) \(rule (.+), version (\d+)\)$/, "tasks.step.base"],
  [/^× (\S+) for the group$/, "tasks.step.group"],
  [/^× (\S+) for (\d+) s$/, "tasks.step.seconds"],
  [/^× (\S+) for (\S+) (.+)$/, "tasks.step.factor"],
  [/^= ([\d.]+) USD = (\d+) quota$/, "tasks.step.sum"],
  [/^with the group's ratio at that time: ([\d.]+) USD = (\d+) quota$/, "tasks.step.groupThen"],
];

/** A step of the explanation of a price, in the reader's language. */
export function priceStep(t: TFunction, line: string): string {
  for (const [pattern, key] of steps) {
    const m = pattern.exec(line);
    if (m) {
      return t(key, {
        a: m[1],
        b:
          key === "tasks.step.base"
            ? t(`tasks.per.${(m[2] ?? "").replace(/\W+/g, "_")}`, { defaultValue: m[2] })
            : key === "tasks.step.factor"
              ? t(`tasks.by.${m[2]}`, { defaultValue: m[2] })
              : m[2],
        c: m[3],
        d: m[4],
        defaultValue: line,
      });
    }
  }
  return line;
}

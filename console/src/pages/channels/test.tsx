import { useMutation } from "@tanstack/react-query";
import { LoaderCircle, PlugZap } from "lucide-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import * as format from "@/lib/format";
import { Button } from "@/ui/button";
import { Badge } from "@/ui/data";
import { Dialog } from "@/ui/dialog";
import { ErrorNote, Note } from "@/ui/feedback";
import { KeyKind, TroubleText } from "./health";
import { readReason, useTold } from "./told";

type Channel = Schemas["Channel"];

/** What is tested, and what led to it. */
export type Tested = { channel: Channel; after?: "added" | "saved"; warnings?: string[] };

/**
 * A test of a channel: what was tried with each key and what came back. After a
 * channel was added or saved it first shows what looks wrong, and offers the test.
 */
export function ChannelTest({ tested, onClose }: { tested: Tested; onClose: () => void }) {
  const { t } = useTranslation();
  const told = useTold();
  const { channel, after, warnings = [] } = tested;
  const test = useMutation({
    mutationFn: async () => {
      const { data } = await client.POST("/api/channels/{id}/test", { params: { path: { id: channel.id } } });
      await stale("/api/channels");
      return data;
    },
  });
  const started = useRef(false);
  useEffect(() => {
    if (after || started.current) return;
    started.current = true;
    test.mutate();
  });
  const result = test.data;
  const works = result?.keys.filter((k) => k.ok).length ?? 0;
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t(`channels.testTitle.${after ?? "test"}`, { name: channel.name })}
      footer={
        <>
          <Button onClick={onClose}>{t("common.close")}</Button>
          <Button look="primary" busy={test.isPending} onClick={() => test.mutate()}>
            {!test.isPending && <PlugZap aria-hidden />}
            {result || test.error ? t("channels.testAgain") : t("channels.test")}
          </Button>
        </>
      }
    >
      <div className="space-y-3">
        {warnings.length > 0 && (
          <Note tone="warn" title={t("channels.warnings", { count: warnings.length })}>
            <ul className="list-disc space-y-1 pl-4">
              {warnings.map((w) => (
                <li key={w}>{told.warning(w)}</li>
              ))}
            </ul>
          </Note>
        )}
        {test.isIdle && <p className="text-soft">{t("channels.testOffer")}</p>}
        {test.isPending && (
          <p role="status" className="flex items-center gap-2 text-soft">
            <LoaderCircle className="size-4 animate-spin" aria-hidden />
            {t("channels.testing", { count: channel.keys.length })}
          </p>
        )}
        {test.error && <ErrorNote error={test.error} />}
        {result && !test.isPending && (
          <>
            <Note
              tone={result.ok ? "ok" : "bad"}
              title={t(result.ok ? "channels.testOk" : "channels.testBad", { works, count: result.keys.length })}
            >
              {channel.status === "broken" && result.channel.status === "enabled" && t("channels.testBack")}
            </Note>
            <ul className="space-y-2">
              {result.keys.map((k) => (
                <KeyResult key={k.id} result={k} />
              ))}
            </ul>
          </>
        )}
      </div>
    </Dialog>
  );
}

function KeyResult({ result: k }: { result: Schemas["KeyTest"] }) {
  const { t } = useTranslation();
  const told = useTold();
  return (
    <li className="rounded-lg border border-line px-3 py-2.5">
      <div className="flex flex-wrap items-center gap-2">
        <Badge tone={k.ok ? "ok" : "bad"} dot>
          {t(k.ok ? "channels.keyWorks" : "channels.keyFails")}
        </Badge>
        <code className="font-mono text-xs">{k.id}</code>
        <KeyKind kind={k.kind} />
        <span className="num ml-auto text-faint text-xs">{format.duration(k.took_ms / 1000)}</span>
      </div>
      <p className="mt-1.5 break-words text-soft">{told.said(k.said)}</p>
      {k.error && (
        <TroubleText
          className="mt-1.5"
          trouble={{ ...readReason(k.error), http: k.http_status, code: k.code, advice: k.advice, now: true }}
        />
      )}
    </li>
  );
}

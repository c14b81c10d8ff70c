import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Minus, Plus, Sparkles } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, api, client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { isAdmin, useMe } from "@/layout/session";
import { fieldErrors } from "@/lib/errors";
import { useSearchState } from "@/lib/search";
import { Button, IconButton } from "@/ui/button";
import { Card, Code, Money, PageHead } from "@/ui/data";
import { ErrorNote, Failure, Note, Skeleton } from "@/ui/feedback";
import { Field, Input, Segments, Select, Textarea } from "@/ui/form";
import { SwitchField } from "@/ui/toggle";
import { shortened, snippet, type Way, ways } from "../tasks/snippets";
import { priceStep } from "../tasks/words";
import {
  bodyOf,
  type Capability,
  capabilityOf,
  type Draft,
  draftOf,
  emptyDraft,
  fitted,
  missing,
  productNames,
} from "./order";
import { Pictures } from "./picture";
import { History, Result } from "./result";

const keys = ["from", "type", "model"] as const;
const remembered = "playground";

/** The last draft of this browser, without its pictures. */
function lastDraft(): Draft {
  try {
    return { ...emptyDraft, ...(JSON.parse(localStorage.getItem(remembered) ?? "{}") as Partial<Draft>) };
  } catch {
    return emptyDraft;
  }
}

/** Makes a video by a form that holds what the chosen model takes, and nothing else. */
export default function Playground() {
  const { t } = useTranslation();
  const me = useMe();
  const [search, change] = useSearchState(keys);
  const [draft, setDraft] = useState<Draft>(() => ({
    ...lastDraft(),
    ...(search.type && { type: search.type }),
    ...(search.model && { model: search.model }),
  }));
  const models = api.useQuery(
    "get",
    "/api/models",
    { params: { query: { test: draft.test } } },
    { staleTime: 60_000, placeholderData: (old) => old },
  );
  const from = api.useQuery(
    "get",
    "/api/tasks/{id}",
    { params: { path: { id: search.from ?? "" } } },
    { enabled: !!search.from },
  );
  const list = models.data?.items;
  const [sent, setSent] = useState<Schemas["Task"] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  // The same key as long as it is not known whether an order came through.
  const key = useRef("");

  useEffect(() => {
    if (from.data) setDraft(draftOf(from.data));
  }, [from.data]);
  const current = useMemo(() => (list ? fitted(draft, list) : draft), [draft, list]);
  const c = list ? capabilityOf(list, current.model, current.type) : undefined;
  const set = (part: Partial<Draft>) => {
    key.current = "";
    setError(null);
    setDraft({ ...current, ...part });
  };
  useEffect(() => {
    const { pictures: _p, tail: _t, ...rest } = current;
    localStorage.setItem(remembered, JSON.stringify(rest));
  }, [current]);

  const lacking = missing(current, c);
  const refused = fieldErrors(t, error, {});
  const refusedAt = (name: string) => refused[`body.${name}`];
  const body = useMemo(() => (c ? bodyOf(current, c) : {}), [current, c]);

  const send = async () => {
    setTried(true);
    if (!c || Object.keys(lacking).length > 0) return;
    key.current ||= crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    setBusy(true);
    setError(null);
    try {
      const { data } = await client.POST("/api/tasks", {
        params: { header: { "Idempotency-Key": key.current } },
        body: {
          route: c.route,
          body,
          test: current.test || undefined,
          token_id: current.token ? Number(current.token) : undefined,
        },
      });
      key.current = "";
      setTried(false);
      if (data) setSent(data);
      await stale("/api/me", "/api/tasks");
      document.getElementById("result")?.scrollIntoView({ behavior: "smooth", block: "nearest" });
    } catch (e) {
      if (!(e instanceof ApiError && e.offline)) key.current = "";
      setError(e);
    } finally {
      setBusy(false);
    }
  };

  if (models.error) return <Failure error={models.error} retry={() => models.refetch()} />;
  const types = productNames.filter((p) => list?.some((m) => m.capabilities.some((x) => x.type === p)));
  const offers = list?.filter((m) => m.capabilities.some((x) => x.type === current.type)) ?? [];
  const none = list && list.length === 0;

  return (
    <>
      <PageHead title={t("nav.playground")}>{t("playground.lead")}</PageHead>
      {none && (
        <Note
          tone="warn"
          className="mb-4"
          title={t("playground.noModels")}
          action={
            isAdmin(me) ? (
              <Button asChild size="sm">
                <Link to="/channels" search={{ new: "1" }}>
                  {t("command.newChannel", { defaultValue: t("nav.channels") })}
                </Link>
              </Button>
            ) : undefined
          }
        >
          {isAdmin(me) ? t("playground.noModelsAdmin") : t("playground.noModelsUser")}
        </Note>
      )}
      <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]">
        <Card>
          {!list ? (
            <div className="space-y-4" aria-hidden>
              <Skeleton className="h-9" />
              <Skeleton className="h-9" />
              <Skeleton className="h-32" />
            </div>
          ) : (
            <form
              className="space-y-4"
              noValidate
              onSubmit={(e) => {
                e.preventDefault();
                void send();
              }}
            >
              {types.length > 0 && (
                <Segments
                  label={t("playground.product")}
                  value={current.type}
                  // A picture gives its own ratio; another one costs what it says.
                  onChange={(type) => set({ type, ratio: type === "text2video" ? emptyDraft.ratio : "" })}
                  options={types.map((p) => [p, t(`playground.products.${p}`)])}
                />
              )}
              <Field
                label={t("playground.model")}
                error={tried ? lacking.model && t(lacking.model) : undefined}
                hint={c && capabilityLine(t, c)}
              >
                <Select value={current.model} onChange={(e) => set({ model: e.target.value })}>
                  {offers.map((m) => (
                    <option key={m.id} value={m.id}>
                      {m.id}
                      {m.offered ? "" : ` – ${t("playground.notNow")}`}
                    </option>
                  ))}
                </Select>
              </Field>
              {c && (
                <OrderFields
                  c={c}
                  draft={current}
                  set={set}
                  problem={(n) => refusedAt(n)}
                  lacking={tried ? lacking : {}}
                />
              )}
              <details className="group" open={current.test || !!current.token || undefined}>
                <summary className="select-none text-soft">{t("playground.charging")}</summary>
                <div className="mt-3 space-y-4 rounded-lg bg-sunken p-3">
                  <SwitchField
                    label={t("common.test")}
                    hint={t("playground.testHint")}
                    checked={current.test}
                    onCheckedChange={(test) => set({ test })}
                  />
                  <TokenChoice me={me.id} value={current.token} onChange={(token) => set({ token })} />
                </div>
              </details>
              {error != null && <ErrorNote error={error} />}
              {error instanceof ApiError && error.offline && <Note tone="info">{t("playground.sameKey")}</Note>}
              <div className="flex flex-wrap items-center justify-between gap-3 border-line border-t pt-4">
                {c ? <Price draft={current} /> : <span />}
                <Button type="submit" look="primary" busy={busy} disabled={!c}>
                  <Sparkles aria-hidden />
                  {t("playground.make")}
                </Button>
              </div>
            </form>
          )}
        </Card>
        <div className="min-w-0 space-y-4" id="result">
          {sent && <Result key={sent.id} sent={sent} />}
          {c && <Snippets route={c.route} body={body} />}
          <History me={me.id} onUse={(id) => change({ from: id })} />
        </div>
      </div>
    </>
  );
}

function capabilityLine(t: ReturnType<typeof useTranslation>["t"], c: Capability): string {
  const seconds = c.durations ?? [];
  return [
    c.resolution,
    seconds.length > 3 ? `${seconds[0]}–${seconds.at(-1)} s` : `${seconds.join(", ")} s`,
    c.sound !== "none" && t("playground.withSound"),
    c.last_frame && t("playground.withLast"),
    c.multi_shot && t("playground.withShots"),
  ]
    .filter(Boolean)
    .join(" · ");
}

type FieldsProps = {
  c: Capability;
  draft: Draft;
  set: (p: Partial<Draft>) => void;
  problem: (name: string) => string | undefined;
  lacking: ReturnType<typeof missing>;
};

/** The fields that a model takes. */
function OrderFields({ c, draft, set, problem, lacking }: FieldsProps) {
  const { t } = useTranslation();
  const seconds = c.durations ?? [];
  const ratios = c.aspect_ratios ?? [];
  const optionalRatio = c.type !== "text2video";
  return (
    <>
      {c.type === "image2video" && (
        <div className="grid gap-4 sm:grid-cols-2">
          <Pictures
            label={t("playground.firstPicture")}
            pictures={draft.pictures}
            most={1}
            onChange={(pictures) => set({ pictures })}
          />
          {c.last_frame && (
            <Pictures
              label={t("playground.lastPicture")}
              pictures={draft.tail ? [draft.tail] : []}
              most={1}
              onChange={([tail]) => set({ tail: tail ?? null })}
            />
          )}
        </div>
      )}
      {(c.type === "multi-image2video" || c.type === "omni-video") && c.max_images > 0 && (
        <Pictures
          label={t("playground.pictures")}
          pictures={draft.pictures}
          most={c.max_images}
          onChange={(pictures) => set({ pictures })}
          roles={c.type === "omni-video"}
        />
      )}
      {lacking.pictures && (
        <p role="alert" className="text-bad text-xs">
          {t(lacking.pictures)}
        </p>
      )}
      {c.multi_shot && (
        <SwitchField
          label={t("playground.several")}
          hint={t("playground.severalHint")}
          checked={!!draft.shots}
          onCheckedChange={(on) => set({ shots: on ? [{ prompt: draft.prompt, seconds: draft.seconds }] : null })}
        />
      )}
      {draft.shots && c.multi_shot ? (
        <Shots
          draft={draft}
          set={set}
          problem={(lacking.shots && t(lacking.shots, { seconds: draft.seconds })) ?? problem("multi_prompt")}
        />
      ) : (
        <Field
          label={t("playground.prompt")}
          error={lacking.prompt ? t(lacking.prompt) : (problem("prompt") ?? problem("contents"))}
          aside={
            <span className="num text-faint text-xs">
              {[...draft.prompt].length} / {c.max_prompt}
            </span>
          }
        >
          <Textarea
            rows={4}
            value={draft.prompt}
            placeholder={t("playground.promptExample")}
            onChange={(e) => set({ prompt: e.target.value })}
          />
        </Field>
      )}
      {c.negative_prompt && (
        <Field label={t("playground.negative")} optional={t("common.optional")} error={problem("negative_prompt")}>
          <Input
            value={draft.negative}
            placeholder={t("playground.negativeExample")}
            onChange={(e) => set({ negative: e.target.value })}
          />
        </Field>
      )}
      <div className="flex flex-wrap gap-x-6 gap-y-4">
        <div>
          <p className="mb-1 font-medium">{t("tasks.duration")}</p>
          {seconds.length <= 4 ? (
            <Segments
              label={t("tasks.duration")}
              value={String(draft.seconds)}
              onChange={(v) => set({ seconds: Number(v) })}
              options={seconds.map((s) => [String(s), `${s} s`])}
            />
          ) : (
            <Select
              aria-label={t("tasks.duration")}
              className="w-28!"
              value={draft.seconds}
              onChange={(e) => set({ seconds: Number(e.target.value) })}
            >
              {seconds.map((s) => (
                <option key={s} value={s}>
                  {s} s
                </option>
              ))}
            </Select>
          )}
        </div>
        {ratios.length > 0 && (
          <div>
            <p className="mb-1 font-medium">{t("tasks.ratio")}</p>
            <Segments
              label={t("tasks.ratio")}
              value={draft.ratio}
              onChange={(ratio) => set({ ratio })}
              options={[
                ...(optionalRatio ? [["", t("playground.asPicture")] as [string, string]] : []),
                ...ratios.map((r) => [r, <Shape key={r} of={r} />] as [string, React.ReactNode]),
              ]}
            />
          </div>
        )}
      </div>
      {c.sound === "optional" && (
        <SwitchField
          label={t("playground.sound")}
          hint={t("playground.soundHint")}
          checked={draft.sound}
          onCheckedChange={(sound) => set({ sound })}
        />
      )}
      {c.sound === "always" && <p className="text-faint text-xs">{t("playground.soundAlways")}</p>}
      {c.cfg_scale && (
        <Field
          label={t("playground.cfg")}
          hint={t("playground.cfgHint")}
          error={problem("cfg_scale")}
          aside={<span className="num text-soft">{draft.cfg ?? t("playground.cfgDefault")}</span>}
        >
          <input
            type="range"
            min={0}
            max={1}
            step={0.1}
            value={draft.cfg ?? 0.5}
            onChange={(e) => set({ cfg: Number(e.target.value) })}
            className="w-full accent-(--accent)"
            aria-label={t("playground.cfg")}
          />
        </Field>
      )}
      {c.camera_control && draft.seconds === 5 && (
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label={t("playground.camera")} optional={t("common.optional")} error={problem("camera_control")}>
            <Select value={draft.camera} onChange={(e) => set({ camera: e.target.value })}>
              <option value="">{t("common.none")}</option>
              {["horizontal", "vertical", "pan", "tilt", "roll", "zoom"].map((m) => (
                <option key={m} value={m}>
                  {t(`playground.cameras.${m}`)}
                </option>
              ))}
            </Select>
          </Field>
          {draft.camera && (
            <Field label={t("playground.cameraBy")} aside={<span className="num text-soft">{draft.cameraBy}</span>}>
              <input
                type="range"
                min={-10}
                max={10}
                step={1}
                value={draft.cameraBy}
                onChange={(e) => set({ cameraBy: Number(e.target.value) || 1 })}
                className="w-full accent-(--accent)"
                aria-label={t("playground.cameraBy")}
              />
            </Field>
          )}
        </div>
      )}
      {c.max_videos > 0 && (
        <Field label={t("playground.video")} optional={t("common.optional")} error={problem("video_list")}>
          <div className="flex flex-wrap gap-2">
            <Input
              type="url"
              className="min-w-0 flex-1 basis-60"
              placeholder="https://…/video.mp4"
              value={draft.video}
              onChange={(e) => set({ video: e.target.value.trim() })}
            />
            <Select
              aria-label={t("playground.videoUse")}
              className="w-44!"
              value={draft.videoUse}
              onChange={(e) => set({ videoUse: e.target.value as Draft["videoUse"] })}
            >
              <option value="feature">{t("playground.videoFeature")}</option>
              <option value="base">{t("playground.videoBase")}</option>
            </Select>
          </div>
        </Field>
      )}
    </>
  );
}

const Shape = ({ of }: { of: string }) => {
  const [w = 16, h = 9] = of.split(":").map(Number);
  return (
    <>
      <span
        aria-hidden
        className="inline-block rounded-xs border border-current"
        style={{ width: `${(14 * w) / Math.max(w, h)}px`, height: `${(14 * h) / Math.max(w, h)}px` }}
      />
      {of}
    </>
  );
};

function Shots({ draft, set, problem }: { draft: Draft; set: (p: Partial<Draft>) => void; problem?: string }) {
  const { t } = useTranslation();
  const shots = draft.shots ?? [];
  const change = (i: number, part: Partial<(typeof shots)[number]>) =>
    set({ shots: shots.map((s, j) => (j === i ? { ...s, ...part } : s)) });
  return (
    <div className="space-y-3">
      {shots.map((s, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: shots are known by their place
        <div key={i} className="flex items-start gap-2">
          <Field label={t("playground.shot", { n: i + 1 })} className="flex-1">
            <Textarea
              rows={2}
              className="min-h-14!"
              value={s.prompt}
              onChange={(e) => change(i, { prompt: e.target.value })}
            />
          </Field>
          <Field label={t("playground.seconds")} className="w-20">
            <Input
              type="number"
              min={1}
              max={draft.seconds}
              value={s.seconds}
              onChange={(e) => change(i, { seconds: Math.max(1, Number(e.target.value) || 1) })}
            />
          </Field>
          <IconButton
            label={t("common.remove", { name: t("playground.shot", { n: i + 1 }) })}
            className="mt-6"
            disabled={shots.length === 1}
            onClick={() => set({ shots: shots.filter((_, j) => j !== i) })}
          >
            <Minus aria-hidden />
          </IconButton>
        </div>
      ))}
      {problem && (
        <p role="alert" className="text-bad text-xs">
          {problem}
        </p>
      )}
      {shots.length < 6 && (
        <Button size="sm" onClick={() => set({ shots: [...shots, { prompt: "", seconds: 1 }] })}>
          <Plus aria-hidden />
          {t("playground.addShot")}
        </Button>
      )}
    </div>
  );
}

function TokenChoice({ me, value, onChange }: { me: number; value: string; onChange: (v: string) => void }) {
  const { t } = useTranslation();
  const { data } = api.useQuery("get", "/api/tokens", {
    params: { query: { user_id: me, status: "enabled", limit: 100 } },
  });
  return (
    <Field label={t("playground.token")} hint={t("playground.tokenHint")}>
      <Select value={value} onChange={(e) => onChange(e.target.value)}>
        <option value="">{t("playground.noToken")}</option>
        {data?.items.map((k) => (
          <option key={k.id} value={k.id}>
            {k.name} ({k.prefix}…)
          </option>
        ))}
      </Select>
    </Field>
  );
}

/** What the order would cost, asked anew as it changes. */
function Price({ draft }: { draft: Draft }) {
  const { t } = useTranslation();
  const me = useMe();
  const facts = {
    type: draft.type,
    model: draft.model,
    duration: draft.seconds,
    ...(draft.ratio && { aspect_ratio: draft.ratio }),
    sound: draft.sound,
    video_input: draft.type === "omni-video" && !!draft.video,
  };
  const { data, error } = useQuery({
    queryKey: ["quote", facts],
    queryFn: async ({ signal }) => (await client.POST("/api/quote", { body: facts, signal })).data,
    placeholderData: (old) => old,
    staleTime: 60_000,
  });
  if (error) return <ErrorNote error={error} className="flex-1" />;
  if (!data) return <Skeleton className="h-9 w-32" />;
  const short = !draft.test && data.quota > me.available;
  return (
    <div>
      <p className="flex items-baseline gap-2">
        <span className="text-soft">{t("tasks.price")}</span>
        <Money quota={data.quota} className="font-semibold text-xl" />
        {draft.test && <span className="text-faint text-xs">{t("playground.playMoney")}</span>}
      </p>
      {short && (
        <p role="alert" className="text-bad text-xs">
          {t("playground.tooLittle")}
        </p>
      )}
      <details className="text-xs">
        <summary className="text-faint">{t("playground.how")}</summary>
        <ol className="num mt-1 text-soft">
          {data.explanation.map((line) => (
            <li key={line}>{priceStep(t, line)}</li>
          ))}
        </ol>
      </details>
    </div>
  );
}

function Snippets({ route, body }: { route: string; body: Record<string, unknown> }) {
  const { t } = useTranslation();
  const [way, setWay] = useState<Way>("curl");
  const names: Record<Way, string> = { curl: "curl", javascript: "JavaScript", go: "Go", python: "Python" };
  return (
    <Card
      title={t("playground.code")}
      action={
        <Segments label={t("playground.code")} value={way} onChange={setWay} options={ways.map((w) => [w, names[w]])} />
      }
    >
      <Code>{snippet(way, location.origin, route, shortened(body))}</Code>
      <p className="mt-2 text-faint text-xs">
        {t("playground.codeHint")}{" "}
        <Link to="/tokens" search={{ new: "1" }} className="text-accent-strong underline">
          {t("playground.makeToken")}
        </Link>
      </p>
    </Card>
  );
}

import { Trash2, Undo2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { cn } from "@/lib/cn";
import { Button } from "@/ui/button";
import { Badge } from "@/ui/data";
import { Field, Segments, Textarea } from "@/ui/form";
import { KeyKind } from "./health";
import { readKeys } from "./key-lines";
import { useTold } from "./told";

/** Keys as they are typed, one a line, and what each is taken for. */
export function KeysInput({
  value,
  onChange,
  label,
  error,
  optional,
  hint,
}: {
  value: string;
  onChange: (v: string) => void;
  label: string;
  error?: string;
  optional?: string;
  hint?: string;
}) {
  const { t } = useTranslation();
  const lines = readKeys(value);
  return (
    <div>
      <Field label={label} error={error} optional={optional} hint={hint}>
        <Textarea
          value={value}
          onChange={(e) => onChange(e.target.value)}
          placeholder={"AccessKey|SecretKey"}
          className="break-all font-mono text-[0.8125rem]"
          rows={Math.min(8, Math.max(2, value.split("\n").length))}
          spellCheck={false}
          autoComplete="off"
          autoCapitalize="off"
        />
      </Field>
      {lines.length > 0 && (
        <ul className="mt-1.5 space-y-1" aria-live="polite">
          {lines.slice(0, 12).map((l) => (
            <li key={l.line} className="flex flex-wrap items-baseline gap-x-2 text-xs">
              <span className="num text-faint">{t("channels.keyLine", { line: l.line })}</span>
              {l.problem ? (
                <span className="text-bad">{t(`channels.keyProblem.${l.problem}`)}</span>
              ) : (
                <>
                  <Badge tone="ok">{t(`channels.keyKind.${l.kind}`)}</Badge>
                  <span className="text-soft">{t(`channels.keyServes.${l.kind}`)}</span>
                </>
              )}
            </li>
          ))}
          {lines.length > 12 && (
            <li className="text-faint text-xs">{t("channels.moreKeys", { count: lines.length - 12 })}</li>
          )}
        </ul>
      )}
    </div>
  );
}

export type KeyChange = { way: "add" | "replace"; text: string; removed: string[] };

/** The keys of a channel that exists: take some away and add others, or replace all. */
export function KeysEditor({
  keys,
  value,
  onChange,
  error,
}: {
  keys: Schemas["ChannelKey"][];
  value: KeyChange;
  onChange: (v: KeyChange) => void;
  error?: string;
}) {
  const { t } = useTranslation();
  const told = useTold();
  const replacing = value.way === "replace";
  const flip = (id: string) =>
    onChange({
      ...value,
      removed: value.removed.includes(id) ? value.removed.filter((x) => x !== id) : [...value.removed, id],
    });
  return (
    <div className="space-y-2.5">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <span className="font-medium">{t("channels.keys")}</span>
        <Segments
          label={t("channels.keys")}
          value={value.way}
          onChange={(way) => onChange({ ...value, way, removed: [] })}
          options={[
            ["add", t("channels.addKeys")],
            ["replace", t("channels.replaceKeys")],
          ]}
        />
      </div>
      <ul className="divide-y divide-line rounded-lg border border-line">
        {keys.map((k) => {
          const gone = replacing || value.removed.includes(k.id);
          return (
            <li key={k.id} className="flex min-h-11 flex-wrap items-center gap-2 px-3 py-1">
              <code className={cn("font-mono text-xs", gone && "text-faint line-through")}>{k.id}</code>
              <KeyKind kind={k.problem ? "problem" : k.kind} />
              {k.problem && <span className="text-bad text-xs">{told.keyProblem(k.problem)}</span>}
              <span className="flex-1" />
              {!replacing && (
                <Button look="ghost" size="sm" onClick={() => flip(k.id)}>
                  {gone ? <Undo2 aria-hidden /> : <Trash2 aria-hidden />}
                  {gone ? t("channels.keepKey") : t("channels.removeKey")}
                </Button>
              )}
            </li>
          );
        })}
        {keys.length === 0 && <li className="px-3 py-2.5 text-bad">{t("channels.noKeys")}</li>}
      </ul>
      <KeysInput
        label={replacing ? t("channels.newKeys") : t("channels.moreKeysLabel")}
        optional={replacing ? undefined : t("common.optional")}
        hint={t("channels.keysHidden")}
        value={value.text}
        onChange={(text) => onChange({ ...value, text })}
        error={error}
      />
    </div>
  );
}

import { expect, test } from "vitest";
import { landing } from "./session";

test("a sign-in leads back to where one was", () => {
  for (const to of ["/", "/tasks", "/tasks?status=failed&q=%2F%2Fx", "/channels/7?tab=reconcile#keys"])
    expect(landing(to)).toBe(to);
});

test("a sign-in leads to no other site, nor to itself", () => {
  const foreign = [
    "//evil.example",
    "/\\evil.example",
    "https://evil.example",
    "javascript:alert(1)",
    "evil",
    "",
    " /x",
  ];
  const entry = ["/sign-in", "/sign-in?to=/tasks", "/setup?token=x", "/reset", "/register", "/pricing"];
  for (const to of [...foreign, ...entry, undefined, null, 7, ["/tasks"]]) expect(landing(to), String(to)).toBe("/");
});

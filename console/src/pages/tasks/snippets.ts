/** The ways in which an order is shown as code. The token stays a placeholder. */
export const ways = ["curl", "javascript", "go", "python"] as const;
export type Way = (typeof ways)[number];

const placeholder = "$ONE_API_TOKEN";

/** A create as code that can be pasted and run, once the token is in the environment. */
export function snippet(way: Way, base: string, route: string, body: unknown): string {
  const url = `${base.replace(/\/$/, "")}/kling${route}`;
  const json = JSON.stringify(body, null, 2);
  switch (way) {
    case "curl":
      return `curl ${url} \\
  -H "Authorization: Bearer ${placeholder}" \\
  -H "Content-Type: application/json" \\
  -d '${json.replaceAll("'", `'\\''`)}'`;
    case "javascript":
      return `const response = await fetch(${JSON.stringify(url)}, {
  method: "POST",
  headers: {
    Authorization: \`Bearer \${process.env.ONE_API_TOKEN}\`,
    "Content-Type": "application/json",
    "Idempotency-Key": crypto.randomUUID(),
  },
  body: JSON.stringify(${indent(json, 2)}),
});
const task = await response.json();
if (!response.ok) throw new Error(task.message);

// Answers at the end of the task, or after 60 s.
const result = await fetch(\`${base}/kling/v1/videos/\${task.task_id}?wait=60\`, {
  headers: { Authorization: \`Bearer \${process.env.ONE_API_TOKEN}\` },
});
console.log((await result.json()).video_url);`;
    case "python":
      return `import os
import uuid

import requests

headers = {"Authorization": f"Bearer {os.environ['ONE_API_TOKEN']}"}
response = requests.post(
    ${JSON.stringify(url)},
    headers=headers | {"Idempotency-Key": str(uuid.uuid4())},
    json=${indent(python(body), 4)},
)
response.raise_for_status()
task = response.json()

# Answers at the end of the task, or after 60 s.
result = requests.get(f"${base}/kling/v1/videos/{task['task_id']}?wait=60", headers=headers)
print(result.json().get("video_url"))`;
    case "go":
      return `package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

func main() {
	body := ${goString(json)}
	req, err := http.NewRequest(http.MethodPost, ${JSON.stringify(url)}, strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+os.Getenv("ONE_API_TOKEN"))
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Status, string(answer)) // task_id leads to the result
}`;
  }
}

/** Long pictures are cut for the eye; what is copied says so. */
export function shortened(value: unknown): unknown {
  if (typeof value === "string" && value.length > 300 && !/\s/.test(value)) return `${value.slice(0, 24)}… (BASE64)`;
  if (Array.isArray(value)) return value.map(shortened);
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, shortened(v)]));
  return value;
}

const indent = (text: string, by: number) => text.replaceAll("\n", `\n${" ".repeat(by)}`);
const goString = (text: string) => (text.includes("`") ? JSON.stringify(text) : `\`${text}\``);

function python(value: unknown, depth = 0): string {
  const pad = "    ".repeat(depth + 1);
  const end = "    ".repeat(depth);
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value))
    return value.length ? `[\n${value.map((v) => pad + python(v, depth + 1)).join(",\n")},\n${end}]` : "[]";
  if (typeof value === "object") {
    const entries = Object.entries(value);
    return entries.length
      ? `{\n${entries.map(([k, v]) => `${pad}${JSON.stringify(k)}: ${python(v, depth + 1)}`).join(",\n")},\n${end}}`
      : "{}";
  }
  return JSON.stringify(value);
}

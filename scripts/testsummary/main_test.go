package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func summarize(t *testing.T, events, notes string) (text string, ok bool) {
	t.Helper()
	var out strings.Builder
	s := summary{out: &out, packages: map[string]*result{}}
	if err := s.read(strings.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	ok = s.finish(notes)
	return out.String(), ok
}

func TestSubtestsCountAndTheirParentsDoNot(t *testing.T) {
	got, ok := summarize(t, `
{"Action":"start","Package":"a"}
{"Action":"run","Package":"a","Test":"TestX"}
{"Action":"run","Package":"a","Test":"TestX/1:1/wide"}
{"Action":"output","Package":"a","Test":"TestX/1:1/wide","Output":"--- PASS\n"}
{"Action":"pass","Package":"a","Test":"TestX/1:1/wide"}
{"Action":"run","Package":"a","Test":"TestX/db"}
{"Action":"output","Package":"a","Test":"TestX/db","Output":"    x_test.go:7: no MySQL: TEST_MYSQL_DSN is not set\n"}
{"Action":"skip","Package":"a","Test":"TestX/db"}
{"Action":"pass","Package":"a","Test":"TestX"}
{"Action":"output","Package":"a","Output":"ok  \ta\t0.1s\n"}
{"Action":"pass","Package":"a","Elapsed":0.1}
{"Action":"skip","Package":"b"}
`[1:], "PostgreSQL 15 on port 5432")
	want := `
ok    a                                                     1 passed, 1 skipped  0.1s

skipped:
  1 × no MySQL: TEST_MYSQL_DSN is not set

PostgreSQL 15 on port 5432

1 passed, 0 failed, 1 skipped
`[1:]
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Errorf("ok %v, text (-want +got):\n%s", ok, diff)
	}
}

func TestFailuresAreShownInFull(t *testing.T) {
	got, ok := summarize(t, `
{"Action":"run","Package":"a","Test":"TestX"}
{"Action":"output","Package":"a","Test":"TestX","Output":"=== RUN   TestX\n"}
{"Action":"run","Package":"a","Test":"TestX/sub"}
{"Action":"output","Package":"a","Test":"TestX/sub","Output":"    x_test.go:9: got 1, want 2\n"}
{"Action":"fail","Package":"a","Test":"TestX/sub"}
{"Action":"fail","Package":"a","Test":"TestX"}
{"Action":"run","Package":"a","Test":"TestY"}
{"Action":"output","Package":"a","Test":"TestY","Output":"panic: oh\n"}
{"Action":"output","Package":"a","Output":"FAIL\ta\t0.1s\n"}
{"Action":"fail","Package":"a","Elapsed":0.1}
`[1:], "")
	want := `
FAIL  a                                                     0 passed, 2 failed  0.1s
          x_test.go:9: got 1, want 2
      panic: oh
      FAIL	a	0.1s

failed:
  a TestX/sub
  a TestY

0 passed, 2 failed, 0 skipped
`[1:]
	if diff := cmp.Diff(want, got); diff != "" || ok {
		t.Errorf("ok %v, text (-want +got):\n%s", ok, diff)
	}
}

func TestWhatDoesNotBuildFails(t *testing.T) {
	got, ok := summarize(t, `
go: something odd
{"ImportPath":"a [a.test]","Action":"build-output","Output":"a.go:1: syntax error\n"}
{"ImportPath":"a [a.test]","Action":"build-fail"}
{"Action":"start","Package":"a"}
{"Action":"output","Package":"a","Output":"FAIL\ta [build failed]\n"}
{"Action":"fail","Package":"a","FailedBuild":"a [a.test]"}
{"Action":"run","Package":"b","Test":"TestX"}
{"Action":"pass","Package":"b","Test":"TestX"}
{"Action":"pass","Package":"b"}
`[1:], "")
	for _, want := range []string{"go: something odd\n", "a.go:1: syntax error\n", "\n1 passed, 1 failed, 0 skipped\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if ok {
		t.Error("a build failure is no failure")
	}
}

func TestARunThatWasCutOffFails(t *testing.T) {
	got, ok := summarize(t, `{"Action":"run","Package":"a","Test":"TestX"}`+"\n", "")
	if ok || !strings.HasSuffix(got, "\n0 passed, 1 failed, 0 skipped\n") {
		t.Errorf("ok %v:\n%s", ok, got)
	}
	if got, ok := summarize(t, "", ""); ok {
		t.Errorf("nothing ran, and that is fine:\n%s", got)
	}
}

func TestReportsOfVitestCountToo(t *testing.T) {
	var out strings.Builder
	s := summary{out: &out, packages: map[string]*result{}}
	if err := s.read(strings.NewReader(`{"Action":"run","Package":"a","Test":"TestX"}
{"Action":"pass","Package":"a","Test":"TestX"}
{"Action":"pass","Package":"a"}
`)); err != nil {
		t.Fatal(err)
	}
	s.vitest("unit.json", []byte(`{"testResults":[
{"name":"/tmp/one-api/console/src/a.test.ts","status":"passed","startTime":1000,"endTime":2500,"assertionResults":[
	{"fullName":" adds","status":"passed"},{"fullName":" waits","status":"skipped"}]},
{"name":"/tmp/one-api/console/e2e/b.test.ts","status":"failed","startTime":0,"endTime":100,"assertionResults":[
	{"fullName":"in en signs in","status":"failed","failureMessages":["Error: no\nat b.test.ts:3"]},
	{"fullName":"in en signs out","status":"passed"}]},
{"name":"/tmp/one-api/console/e2e/c.test.ts","status":"failed","message":"c.ts does not load","assertionResults":[]}]}`))
	ok := s.finish("")
	want := `
ok    a                                                     1 passed  0.0s
ok    console/src/a.test.ts                                 1 passed, 1 skipped  1.5s
FAIL  console/e2e/b.test.ts                                 1 passed, 1 failed  0.1s
      in en signs in
      Error: no
      at b.test.ts:3
FAIL  console/e2e/c.test.ts                                 0 passed, 1 failed  0.0s
      c.ts does not load

failed:
  console/e2e/b.test.ts in en signs in
  console/e2e/c.test.ts

skipped:
  1 × left out in console/src/a.test.ts

3 passed, 2 failed, 1 skipped
`[1:]
	if diff := cmp.Diff(want, out.String()); diff != "" || ok {
		t.Errorf("ok %v, text (-want +got):\n%s", ok, diff)
	}
}

func TestAReportWithoutTestsFails(t *testing.T) {
	for _, text := range []string{"", "{}", `{"testResults":[]}`} {
		var out strings.Builder
		s := summary{out: &out, passed: 1}
		s.vitest("browser.json", []byte(text))
		if ok := s.finish(""); ok || !strings.Contains(out.String(), "1 passed, 1 failed, 0 skipped") {
			t.Errorf("%q: ok %v:\n%s", text, ok, out.String())
		}
	}
}

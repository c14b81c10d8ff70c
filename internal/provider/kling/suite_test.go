package kling_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"one-api/internal/provider"
	"one-api/internal/provider/kling"
	"one-api/internal/provider/providertest"
	"one-api/internal/secret"
	"one-api/internal/video"
)

const (
	apiKey = secret.Text("api-key-of-the-account-0001")
	akSK   = secret.Text("AccessKey-0123456789|SecretKey-9876543210")
	taskID = "893605946402811985"
	ref    = "kling_01taskid"
	// The secret of Kling's check vector.
	webhookSecret = secret.Text("whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI=")
)

func TestLegacyWithAPIKey(t *testing.T) { providertest.Run(t, legacyHarness(apiKey)) }

func TestLegacyWithSignedTokens(t *testing.T) { providertest.Run(t, legacyHarness(akSK)) }

func TestNewGeneration(t *testing.T) { providertest.Run(t, currentHarness()) }

func legacyHarness(key secret.Text) providertest.Harness {
	task := func(t providertest.Task) string {
		result := `{}`
		if t.URL != "" {
			result = `{"videos":[{"id":"v1","url":` + quoted(t.URL) + `,"duration":"5.1"}]}`
		}
		return fmt.Sprintf(`{"task_id":%s,"task_status":%s,"task_status_msg":"","task_info":{"external_task_id":%s},`+
			`"task_result":%s,"created_at":1722769557708,"updated_at":1722769557708,"final_unit_deduction":"2"}`,
			quoted(t.ID), quoted(t.Word), quoted(t.Ref), result)
	}
	h := common(key)
	h.Submission = submission("/v1/videos/text2video", `{"model_name":"kling-v1-6","mode":"std","duration":"5","prompt":"a cat"}`)
	h.Accepted = answer(200, `{"code":0,"message":"SUCCEED","request_id":"r1","data":{"task_id":"`+taskID+`","task_status":"submitted","task_info":{},"created_at":1722769557708,"updated_at":1722769557708}}`)
	h.Unusable = []providertest.Answer{
		answer(200, `{"code":0,"message":"SUCCEED","data":{}}`),
		answer(200, `{"code":0,"message":"SUCCEED","data":{"task_id":""}}`),
		answer(200, `{"code":0,"message":"SUCCEED","data":{"task_id":null}}`),
		answer(200, `{"code":0,"message":"SUCCEED","data":[{"task_id":"1"}]}`),
		answer(200, `{"code":0,"message":"SUCCEED"}`),
		answer(200, `{"code":"0","data":{"task_id":"1"}}`),
		answer(200, `{"data":{"task_id":"1"}}`),
		answer(200, `{"task_id":"1","task_status":"submitted"}`),
		answer(200, `{"code":7,"message":"?"}`),
		answer(200, `{"code":5002,"message":"internal timeout"}`),
	}
	h.Words = providertest.Words{Submitted: "submitted", Processing: "processing", Succeeded: "succeed", Failed: "failed"}
	h.Task = func(tasks ...providertest.Task) providertest.Answer {
		if len(tasks) == 0 {
			return answer(400, `{"code":1201,"message":"Task not found","request_id":"r3"}`)
		}
		return answer(200, `{"code":0,"message":"SUCCEED","request_id":"r2","data":`+task(tasks[0])+`}`)
	}
	h.Batch = func(tasks ...providertest.Task) providertest.Answer {
		var list []string
		for _, t := range tasks {
			list = append(list, task(t))
		}
		return answer(200, `{"code":0,"message":"SUCCEED","request_id":"r2","data":[`+strings.Join(list, ",")+`]}`)
	}
	h.Callback = func(t providertest.Task) []byte { return []byte(task(t)) }
	return h
}

func currentHarness() providertest.Harness {
	task := func(t providertest.Task) string {
		outputs := `[]`
		if t.URL != "" {
			outputs = `[{"type":"video","id":"v1","url":` + quoted(t.URL) + `,"duration":"5.041"}]`
		}
		return fmt.Sprintf(`{"id":%s,"status":%s,"message":"","create_time":1781080778802,"update_time":1781080794151,`+
			`"external_id":%s,"outputs":%s,"billing":[{"charge_type":"unit","amount":"4","package_type":"video"}]}`,
			quoted(t.ID), quoted(t.Word), quoted(t.Ref), outputs)
	}
	h := common(apiKey)
	h.Submission = submission("/text-to-video/kling-3.0-turbo", `{"settings":{"resolution":"720p","duration":5},"prompt":"a cat"}`)
	h.Accepted = answer(200, `{"code":0,"message":"success","request_id":"r1","data":{"id":"`+taskID+`","status":"submitted","message":"","create_time":1781080778802,"update_time":1781080778802,"external_id":"`+ref+`"}}`)
	h.Unusable = []providertest.Answer{
		answer(200, `{"code":0,"message":"success","data":{"id":"","status":"submitted"}}`),
		answer(200, `{"code":0,"message":"success","data":[]}`),
	}
	h.Words = providertest.Words{Submitted: "submitted", Processing: "processing", Succeeded: "succeeded", Failed: "failed"}
	h.Task = func(tasks ...providertest.Task) providertest.Answer {
		list := make([]string, len(tasks))
		for i, t := range tasks {
			list[i] = task(t)
		}
		return answer(200, `{"code":0,"message":"success","request_id":"r2","data":[`+strings.Join(list, ",")+`]}`)
	}
	h.Callback = func(t providertest.Task) []byte { return []byte(task(t)) }
	return h
}

func common(key secret.Text) providertest.Harness {
	return providertest.Harness{
		Open:       kling.Driver.Open,
		Key:        key,
		Secrets:    strings.Split(key.Reveal(), "|"),
		UpstreamID: taskID,
		Refuse: func(message string) providertest.Answer {
			return answer(401, `{"code":1000,"message":`+quoted(message)+`,"request_id":"r9"}`)
		},
		Refused: refusals,
		Probe: answer(200, `{"code":0,"message":"success","request_id":"r4","data":{"code":0,"msg":"success","resource_pack_subscribe_infos":[
			{"resource_pack_name":"Trial-Video-100Units-5Con-1Months","resource_pack_type":"decreasing_total","total_quantity":100.0,"remaining_quantity":95.2,"status":"online"}]}}`),
		WebhookSecret: webhookSecret,
	}
}

// refusals is Kling's page of error codes, row by row, and what else refuses.
var refusals = func() []providertest.Refusal {
	var out []providertest.Refusal
	row := func(name string, status int, body string, kind provider.Kind) {
		out = append(out, providertest.Refusal{Name: name, Answer: answer(status, body), Kind: kind})
	}
	for _, r := range []struct {
		status, code int
		message      string
		kind         provider.Kind
	}{
		{401, 1000, "Authentication failed", provider.BadKey},
		{401, 1001, "Authorization is empty", provider.BadKey},
		{401, 1002, "Authorization is invalid", provider.BadKey},
		{401, 1002, "API does not support AK/SK", provider.NotAllowed},
		{401, 1003, "Authorization is not yet valid", provider.BadKey},
		{401, 1004, "Authorization has expired", provider.BadKey},
		{429, 1100, "Account exception", provider.BadKey},
		{429, 1101, "Account in arrears", provider.NoCredit},
		{429, 1102, "Account balance not enough", provider.NoCredit},
		{403, 1103, "Unauthorized API or model", provider.NotAllowed},
		{400, 1200, "Invalid request parameters", provider.Rejected},
		{400, 1201, "duration value '7' is invalid", provider.Rejected},
		{400, 1201, "external_task_id already exists", provider.Duplicate},
		{400, 1201, "external_task_id 已存在", provider.Duplicate},
		{400, 1201, "The model kling-v1 has been discontinued", provider.NotAllowed},
		{404, 1202, "The requested method is invalid", provider.NotAllowed},
		{404, 1203, "The requested resource does not exist", provider.NotAllowed},
		{400, 1300, "Trigger platform strategy", provider.Rejected},
		{400, 1301, "Trigger the content security policy", provider.Rejected},
		{429, 1302, "The API request is too fast", provider.Throttled},
		{429, 1303, "parallel task over resource pack limit", provider.Throttled},
		{429, 1304, "Trigger the IP whitelisting policy", provider.BadKey},
		{500, 5000, "Server internal error", provider.Unsure},
		{503, 5001, "Server temporarily unavailable", provider.Unsure},
		{504, 5002, "Server internal timeout", provider.Unsure},

		{200, 1301, "a code outweighs HTTP 200", provider.Rejected},
		{200, 1303, "a code outweighs HTTP 200", provider.Throttled},
		{429, 1201, "a code outweighs HTTP 429", provider.Rejected},
		{400, 5000, "an internal error under any status", provider.Unsure},
		{400, 1777, "newer than the table", provider.Rejected},
		{403, 1778, "newer than the table", provider.NotAllowed},
		{429, 1399, "newer than the table", provider.Throttled},
		{500, 1201, "HTTP 5xx outweighs a code", provider.Unsure},
		{400, 0, "success that failed", provider.Unsure},
	} {
		row(fmt.Sprintf("%d/%d %s", r.status, r.code, r.message), r.status,
			fmt.Sprintf(`{"code":%d,"message":%s,"request_id":"r5"}`, r.code, quoted(r.message)), r.kind)
	}
	row("without words", 400, `{"code":1200}`, provider.Rejected)
	row("naming a task", 400, `{"code":1201,"message":"?","data":{"task_id":"1","task_status":"submitted"}}`, provider.Unsure)
	for status, kind := range map[int]provider.Kind{
		400: provider.Unsure, 401: provider.BadKey, 403: provider.NotAllowed, 404: provider.NotAllowed,
		405: provider.NotAllowed, 408: provider.Unsure, 409: provider.Unsure, 413: provider.Rejected,
		421: provider.NotAllowed, 422: provider.Unsure, 429: provider.Throttled, 499: provider.Unsure,
	} {
		row(fmt.Sprintf("%d with a page", status), status, "<html></html>", kind)
		row(fmt.Sprintf("%d with another's code", status), status, fmt.Sprintf(`{"code":%d,"message":"no"}`, status), kind)
	}
	return out
}()

func submission(route, body string) provider.Submission {
	return provider.Submission{
		Request:     video.Request{Provider: "kling", Route: route, Body: json.RawMessage(body)},
		Ref:         ref,
		CallbackURL: "https://gateway.example/kling/callback/x?k=y",
	}
}

func answer(status int, body string) providertest.Answer {
	return providertest.Answer{Status: status, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: body}
}

func quoted(s string) string {
	b, _ := json.Marshal(s) // strings always marshal
	return string(b)
}

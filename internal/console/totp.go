package console

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/auth"
	"one-api/internal/fault"
)

// TOTPSetup is a second factor that is being set up, shown once.
type TOTPSetup struct {
	Secret        string   `json:"secret" doc:"For apps that take it by hand."`
	URL           string   `json:"url" doc:"otpauth://…, for a QR code."`
	RecoveryCodes []string `json:"recovery_codes" doc:"Each stands in for a code once. Keep them where the phone is not."`
}

type beginTOTP struct {
	Body struct {
		Password string `json:"password,omitempty" maxLength:"256" doc:"Needed when there is one."`
	}
}

type confirmTOTP struct {
	Body struct {
		Code string `json:"code" minLength:"6" maxLength:"6" doc:"What the app shows now."`
	}
}

type disableTOTP struct {
	Body struct {
		Password string `json:"password,omitempty" maxLength:"256" doc:"Needed when there is one."`
		Code     string `json:"code,omitempty" maxLength:"10" doc:"Needed when there is no password."`
	}
}

func (c *Console) totp() {
	tags := []string{"me"}
	register(c, signed, huma.Operation{OperationID: "begin-my-totp", Method: http.MethodPost, Path: "/api/me/totp", Summary: "Begin to set up a second factor", Tags: tags, DefaultStatus: http.StatusCreated}, c.beginTOTP)
	register(c, signed, huma.Operation{OperationID: "confirm-my-totp", Method: http.MethodPost, Path: "/api/me/totp/confirm", Summary: "Ask for the second factor from now on", Tags: tags, DefaultStatus: http.StatusNoContent}, c.confirmTOTP)
	register(c, signed, huma.Operation{OperationID: "disable-my-totp", Method: http.MethodPost, Path: "/api/me/totp/disable", Summary: "Stop asking for the second factor", Tags: tags, DefaultStatus: http.StatusNoContent}, c.disableTOTP)
}

func (c *Console) beginTOTP(ctx context.Context, v *Viewer, in *beginTOTP) (*One[TOTPSetup], error) {
	if err := v.inPerson(); err != nil {
		return nil, err
	}
	if _, err := c.provePassword(ctx, v, "password", in.Body.Password); err != nil {
		return nil, err
	}
	text, address, err := auth.NewTOTP("one-api", v.User.Name)
	if err != nil {
		return nil, err
	}
	codes, err := c.Store.BeginTOTP(ctx, v.User.ID, text)
	if err != nil {
		return nil, err
	}
	out := TOTPSetup{Secret: text.Reveal(), URL: address.Reveal()}
	for _, code := range codes {
		out.RecoveryCodes = append(out.RecoveryCodes, code.Reveal())
	}
	return &One[TOTPSetup]{out}, nil
}

func (c *Console) confirmTOTP(ctx context.Context, v *Viewer, in *confirmTOTP) (*None, error) {
	if err := v.inPerson(); err != nil {
		return nil, err
	}
	t, err := c.Store.TOTP(ctx, v.User.ID)
	if err != nil {
		return nil, err
	}
	if t.Confirmed {
		return nil, fault.New(fault.Conflict, "The second factor is confirmed already.").Named("totp_enabled")
	}
	if err := c.limited("second factor of "+viewerName(v.User.ID), codesPerMinute, codesAtOnce); err != nil {
		return nil, err
	}
	step, ok := auth.TOTPStep(t.Secret, in.Body.Code, c.Store.Now())
	if !ok {
		return nil, fault.New(fault.Invalid, "The code is wrong. Check the clock of the device that shows it.").Named("wrong_code").At("body.code")
	}
	return nil, c.Store.ConfirmTOTP(ctx, v.Actor, v.User.ID, t, step)
}

func (c *Console) disableTOTP(ctx context.Context, v *Viewer, in *disableTOTP) (*None, error) {
	if err := v.inPerson(); err != nil {
		return nil, err
	}
	who, err := c.provePassword(ctx, v, "password", in.Body.Password)
	if err != nil {
		return nil, err
	}
	if who.PasswordHash == "" {
		if err := c.secondFactor(ctx, v.User.ID, in.Body.Code, ""); err != nil {
			return nil, err
		}
	}
	return nil, c.Store.RemoveTOTP(ctx, v.Actor, v.User.ID, nil)
}

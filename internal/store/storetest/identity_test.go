package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"one-api/internal/account"
	"one-api/internal/fault"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/task"
)

// race runs f n times at once and counts how each try was refused; "" are
// those that passed.
func race(n int, f func(i int) error) map[string]int {
	var mu sync.Mutex
	var wg sync.WaitGroup
	out := map[string]int{}
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			err := f(i)
			word := ""
			if err != nil {
				word = fault.From(err).Word()
			}
			mu.Lock()
			out[word]++
			mu.Unlock()
		})
	}
	close(start)
	wg.Wait()
	return out
}

func wantRace(t *testing.T, got map[string]int, want map[string]int) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
}

func refused(t *testing.T, err error, word string) {
	t.Helper()
	if err == nil || fault.From(err).Word() != word {
		t.Errorf("got %v, want the refusal %s", err, word)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func newUser(t *testing.T, s *store.Store, name string, role account.Role) account.User {
	t.Helper()
	return must[account.User](t)(s.CreateUser(context.Background(), store.NewUser{Name: name, Role: role, PasswordHash: "hash"}))
}

func audits(t *testing.T, s *store.Store, action string) int {
	t.Helper()
	rows := must[[][]string](t)(s.QueryText(context.Background(), "SELECT id FROM audit WHERE action = '"+action+"'"))
	return len(rows)
}

func TestTwoNodesMakeOneRoot(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		ctx := context.Background()
		dsn := NewDatabase(t, d)
		nodes := []*store.Store{OpenAt(t, dsn), OpenAt(t, dsn)}
		ticket := must[secret.Text](t)(nodes[0].NewTicket(ctx, store.TicketSetup, 0, nil, time.Hour))
		wantRace(t, race(8, func(i int) error {
			text := ticket
			if i%2 == 0 {
				text = "" // as from the environment
			}
			_, err := nodes[i%2].CreateFirstUser(ctx, store.Actor{}, fmt.Sprintf("root-%d", i), "hash", text)
			return err
		}), map[string]int{"": 1, "already_set_up": 7})
		if n, err := nodes[1].UserCount(ctx); n != 1 || err != nil {
			t.Errorf("%d users, %v", n, err)
		}
		_, err := nodes[0].Ticket(ctx, store.TicketSetup, ticket)
		refused(t, err, "ticket_invalid")
		list := must[[]store.Person](t)(nodes[0].People(ctx, store.UserFilter{Limit: 10}))
		b := must[store.Balance](t)(nodes[0].Balance(ctx, list[0].ID, false))
		if b.Available != store.OpeningBalance || list[0].Role != account.Root {
			t.Errorf("made %+v with %+v", list[0], b)
		}
		Verified(t, nodes[0])
	})
}

func TestAWrongSetupTicketMakesNobody(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		s, ctx := Open(t, d), context.Background()
		_, err := s.CreateFirstUser(ctx, store.Actor{}, "root", "hash", "guess")
		refused(t, err, "ticket_invalid")
		reset := must[secret.Text](t)(s.NewTicket(ctx, store.TicketReset, 1, nil, time.Hour))
		_, err = s.CreateFirstUser(ctx, store.Actor{}, "root", "hash", reset)
		refused(t, err, "ticket_invalid")
		if n, _ := s.UserCount(ctx); n != 0 {
			t.Errorf("%d users", n)
		}
	})
}

func TestATicketWorksOnceAndNotForLong(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		s, ctx := Open(t, d), context.Background()
		text := must[secret.Text](t)(s.NewTicket(ctx, store.TicketOIDC, 7, []byte(`{"a":"?"}`), time.Minute))
		got := must[store.Ticket](t)(s.Ticket(ctx, store.TicketOIDC, text))
		if got.UserID != 7 || string(got.Data) != `{"a":"?"}` {
			t.Errorf("read %+v", got)
		}
		_, err := s.TakeTicket(ctx, store.TicketReset, text)
		refused(t, err, "ticket_invalid")
		wantRace(t, race(6, func(int) error { _, err := s.TakeTicket(ctx, store.TicketOIDC, text); return err }), map[string]int{"": 1, "ticket_invalid": 5})
		old := must[secret.Text](t)(s.NewTicket(ctx, store.TicketOIDC, 7, nil, -time.Second))
		_, err = s.TakeTicket(ctx, store.TicketOIDC, old)
		refused(t, err, "ticket_invalid")
		for _, row := range must[[][]string](t)(s.QueryText(ctx, "SELECT hash, data FROM tickets")) {
			if strings.Contains(row[0]+row[1], old.Reveal()) {
				t.Error("the table tells a ticket")
			}
		}
	})
}

func TestAnInvitationIsUsedOnlyAsOftenAsItSays(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		s, ctx := Open(t, d), context.Background()
		admin := newUser(t, s, "admin", account.Admin)
		by := store.UserActor(admin.ID, "req", "192.0.2.1")
		for _, uses := range []int{1, 3} {
			i, code, err := s.CreateInvitation(ctx, by, store.Invitation{Uses: uses, Grant: 500_000})
			if err != nil {
				t.Fatal(err)
			}
			wantRace(t, race(10, func(n int) error {
				_, err := s.Register(ctx, store.Registrant{Name: fmt.Sprintf("guest-%d-%d", uses, n), PasswordHash: "hash", Invitation: code})
				return err
			}), map[string]int{"": uses, "invitation_invalid": 10 - uses})
			for _, p := range must[[]store.Person](t)(s.People(ctx, store.UserFilter{Search: fmt.Sprintf("guest-%d-", uses), Limit: 50})) {
				if b := must[store.Balance](t)(s.Balance(ctx, p.ID, false)); b.Available != 500_000 {
					t.Errorf("%s has %+v", p.Name, b)
				}
			}
			list := must[[]store.Invitation](t)(s.Invitations(ctx, i.ID+1, 10))
			if list[0].Used != uses || list[0].Ended(s.Now()) != "used" {
				t.Errorf("invitation %+v", list[0])
			}
		}
		if n := audits(t, s, "user.register"); n != 4 {
			t.Errorf("%d audit rows of 4 registrations", n)
		}
		Verified(t, s)
	})
}

func TestAnInvitationThatEndedLetsNobodyIn(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		s, ctx := Open(t, d), context.Background()
		admin := newUser(t, s, "admin", account.Admin)
		by := store.UserActor(admin.ID, "", "")
		i, code, err := s.CreateInvitation(ctx, by, store.Invitation{Uses: 5})
		if err != nil {
			t.Fatal(err)
		}
		// A name that is taken uses nothing up.
		_, err = s.Register(ctx, store.Registrant{Name: "admin", PasswordHash: "hash", Invitation: code})
		refused(t, err, "name_taken")
		if list := must[[]store.Invitation](t)(s.Invitations(ctx, 0, 10)); list[0].Used != 0 {
			t.Errorf("used %d times", list[0].Used)
		}
		if err := s.InvitationOpen(ctx, code); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := s.RevokeInvitation(ctx, by, i.ID); err != nil {
				t.Fatal(err)
			}
		}
		if n := audits(t, s, "invitation.revoke"); n != 1 {
			t.Errorf("%d audit rows of a revocation", n)
		}
		refused(t, s.InvitationOpen(ctx, code), "invitation_invalid")
		_, err = s.Register(ctx, store.Registrant{Name: "guest", PasswordHash: "hash", Invitation: code})
		refused(t, err, "invitation_invalid")
		refused(t, s.RevokeInvitation(ctx, by, 999), "invitation_not_found")
		for _, bad := range []struct {
			i    store.Invitation
			word string
		}{
			{store.Invitation{Uses: 0}, "out_of_range"}, {store.Invitation{Uses: 1, Grant: -1}, "out_of_range"},
			{store.Invitation{Uses: 1, Grant: store.MaxInvitationGrant + 1}, "out_of_range"},
			{store.Invitation{Uses: 1, ExpiresAt: 1}, "expires_in_past"}, {store.Invitation{Uses: 1, Note: "a\x00b"}, "invalid_name"},
		} {
			_, _, err := s.CreateInvitation(ctx, by, bad.i)
			refused(t, err, bad.word)
		}
		_, _, err = s.CreateInvitation(ctx, by, store.Invitation{Uses: 1, Group: "nobody"})
		refused(t, err, "group_not_found")
	})
}

func TestTheLastRootStays(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		s, ctx := Open(t, d), context.Background()
		a, b := newUser(t, s, "a", account.Root), newUser(t, s, "b", account.Root)
		plain, off := account.Plain, account.Disabled
		// Both at once ask to lose the other: one of them stays.
		wantRace(t, race(2, func(i int) error {
			_, err := s.UpdateUser(ctx, store.CLI, []int64{a.ID, b.ID}[i], store.UserPatch{Version: 1, Role: &plain}, nil)
			return err
		}), map[string]int{"": 1, "last_root": 1})
		last := a
		if u := must[account.User](t)(s.User(ctx, a.ID)); u.Role != account.Root {
			last = b
		}
		_, err := s.UpdateUser(ctx, store.CLI, last.ID, store.UserPatch{Version: 1, Status: &off}, nil)
		refused(t, err, "last_root")
		refused(t, s.DeleteUser(ctx, store.CLI, last.ID, nil), "last_root")
		name := "The Last"
		if _, err := s.UpdateUser(ctx, store.CLI, last.ID, store.UserPatch{Version: 1, DisplayName: &name}, nil); err != nil {
			t.Errorf("a harmless edit of the last root: %v", err)
		}
	})
}

func TestAnEditOnAnOldVersionIsRefused(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		s, ctx := Open(t, d), context.Background()
		u := newUser(t, s, "alice", account.Plain)
		wantRace(t, race(6, func(i int) error {
			name := fmt.Sprintf("Alice %d", i)
			_, err := s.UpdateUser(ctx, store.CLI, u.ID, store.UserPatch{Version: 1, DisplayName: &name}, nil)
			return err
		}), map[string]int{"": 1, "version_conflict": 5})
		if n := audits(t, s, "user.update"); n != 1 {
			t.Errorf("%d audit rows of one edit", n)
		}
		forbid := func(account.User) error { return fault.New(fault.Forbidden, "No.").Named("no") }
		_, err := s.UpdateUser(ctx, store.CLI, u.ID, store.UserPatch{Version: 2}, forbid)
		refused(t, err, "no")
		refused(t, s.DeleteUser(ctx, store.CLI, u.ID, forbid), "no")
		group := "nobody"
		_, err = s.UpdateUser(ctx, store.CLI, u.ID, store.UserPatch{Version: 2, Group: &group}, nil)
		refused(t, err, "group_not_found")
	})
}

func TestADeletedUserLeavesTheNameAndTheLedger(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		live := submitted(t, f, 300_000)
		err := f.DeleteUser(ctx, store.CLI, f.User.ID, nil)
		refused(t, err, "in_use")
		if !strings.Contains(err.Error(), "1 live tasks and 300000 quota") {
			t.Errorf("refused with %v", err)
		}
		if err := f.Advance(success(t, live, f.Now())); err != nil {
			t.Fatal(err)
		}
		session := must[secret.Text](t)(f.CreateSession(ctx, f.User.ID, "192.0.2.1", "test"))
		_, personal, err := f.CreatePersonalToken(ctx, store.CLI, f.User.ID, "script", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.DeleteUser(ctx, store.CLI, f.User.ID, nil); err != nil {
			t.Fatal(err)
		}
		if _, _, err := f.SessionUser(ctx, session); !fault.Is(err, fault.NotFound) {
			t.Errorf("the session of a deleted user: %v", err)
		}
		if _, err := f.PersonalTokenUser(ctx, personal); !fault.Is(err, fault.NotFound) {
			t.Errorf("the personal token of a deleted user: %v", err)
		}
		v := f.Directory().View()
		if v.Users[f.User.ID] != nil || v.Tokens[f.Token.Hash] != nil {
			t.Error("the directory still has the user or the token")
		}
		refused(t, f.DeleteUser(ctx, store.CLI, f.User.ID, nil), "user_not_found")
		_, err = f.Person(ctx, f.User.ID)
		refused(t, err, "user_not_found")
		if again := newUser(t, f.Store, f.User.Name, account.Plain); again.ID == f.User.ID {
			t.Error("the id was given again")
		}
		if lines := must[[]store.Line](t)(f.TaskLines(ctx, live.ID)); len(lines) == 0 {
			t.Error("the ledger lost the task")
		}
		mustBalance(t, f, 700_000, 0)
		Verified(t, f.Store)
	})
}

func TestSessionsEndWithRoleStatusAndPassword(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		s, ctx := Open(t, d), context.Background()
		u := newUser(t, s, "alice", account.Plain)
		admin, off := account.Admin, account.Disabled
		version := int64(1)
		for name, change := range map[string]func() error{
			"role": func() error {
				_, err := s.UpdateUser(ctx, store.CLI, u.ID, store.UserPatch{Version: version, Role: &admin}, nil)
				version++
				return err
			},
			"status": func() error {
				_, err := s.UpdateUser(ctx, store.CLI, u.ID, store.UserPatch{Version: version, Status: &off}, nil)
				version++
				return err
			},
			"password": func() error {
				p := must[store.SignIn](t)(s.SignInByID(ctx, u.ID))
				return s.SetPassword(ctx, store.CLI, u.ID, p.PasswordHash, "hash 2", "")
			},
			"reset": func() error {
				text := must[secret.Text](t)(s.NewResetTicket(ctx, store.CLI, u.ID, time.Hour, nil))
				return s.ResetPassword(ctx, "", "", text, "hash 3")
			},
		} {
			session := must[secret.Text](t)(s.CreateSession(ctx, u.ID, "192.0.2.1", "test"))
			if err := change(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if _, _, err := s.SessionUser(ctx, session); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: the session goes on: %v", name, err)
			}
		}
		refused(t, s.SetPassword(ctx, store.CLI, u.ID, "not the hash", "hash 4", ""), "version_conflict")
	})
}

func TestASessionIsNamedWithoutItsSecret(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		s, ctx := Open(t, d), context.Background()
		alice, bob := newUser(t, s, "alice", account.Plain), newUser(t, s, "bob", account.Plain)
		text := must[secret.Text](t)(s.CreateSession(ctx, alice.ID, "192.0.2.1", strings.Repeat("界", 500)+"\xff"))
		list := must[[]store.Session](t)(s.Sessions(ctx, alice.ID))
		if len(list) != 1 || len(list[0].ID()) != 16 || strings.Contains(text.Reveal(), list[0].ID()) || list[0].ID() == list[0].Hash {
			t.Fatalf("sessions %+v", list)
		}
		refused(t, s.DeleteSession(ctx, bob.ID, list[0].ID()), "session_not_found")
		refused(t, s.DeleteSession(ctx, alice.ID, list[0].ID()[:15]), "session_not_found")
		refused(t, s.DeleteSession(ctx, alice.ID, "%"), "session_not_found")
		if err := s.DeleteSession(ctx, alice.ID, list[0].ID()); err != nil {
			t.Error(err)
		}
	})
}

func TestACodeOfTheSecondFactorWorksOnce(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		s, ctx := Open(t, d), context.Background()
		u := newUser(t, s, "alice", account.Plain)
		by := store.UserActor(u.ID, "", "")
		must[[]secret.Text](t)(s.BeginTOTP(ctx, u.ID, "FIRST"))
		first := must[store.TOTP](t)(s.TOTP(ctx, u.ID))
		codes := must[[]secret.Text](t)(s.BeginTOTP(ctx, u.ID, "SECOND"))
		got := must[store.TOTP](t)(s.TOTP(ctx, u.ID))
		if got.Secret != "SECOND" || got.Confirmed || len(codes) != store.RecoveryCodes {
			t.Errorf("%+v with %d codes", got, len(codes))
		}
		refused(t, s.ConfirmTOTP(ctx, by, u.ID, first, 100), "version_conflict")
		if err := s.ConfirmTOTP(ctx, by, u.ID, got, 100); err != nil {
			t.Fatal(err)
		}
		_, err := s.BeginTOTP(ctx, u.ID, "THIRD")
		refused(t, err, "totp_enabled")
		for _, c := range []struct {
			step int64
			want bool
		}{{100, false}, {99, false}, {102, true}, {102, false}, {101, false}} {
			if ok, err := s.UseTOTPStep(ctx, u.ID, c.step); ok != c.want || err != nil {
				t.Errorf("step %d: %v, %v", c.step, ok, err)
			}
		}
		var used sync.Map
		race(5, func(i int) error {
			if ok := must[bool](t)(s.UseTOTPStep(ctx, u.ID, 200)); ok {
				used.Store(i, true)
			}
			return nil
		})
		n := 0
		used.Range(func(any, any) bool { n++; return true })
		if n != 1 {
			t.Errorf("a step was accepted %d times", n)
		}
		typed := secret.Text(" " + strings.ToUpper(strings.ReplaceAll(codes[3].Reveal(), "-", " ")))
		for _, want := range []bool{true, false} {
			if ok := must[bool](t)(s.UseRecoveryCode(ctx, by, u.ID, typed)); ok != want {
				t.Errorf("recovery code: %v, want %v", ok, want)
			}
		}
		if ok := must[bool](t)(s.UseRecoveryCode(ctx, by, u.ID+1, codes[4])); ok {
			t.Error("another user's recovery code was taken")
		}
		dump := fmt.Sprint(must[[][]string](t)(s.QueryText(ctx, "SELECT secret FROM totp")), must[[][]string](t)(s.QueryText(ctx, "SELECT hash FROM recovery_codes")))
		if strings.Contains(dump, "SECOND") || strings.Contains(dump, strings.ReplaceAll(codes[5].Reveal(), "-", "")) {
			t.Error("the tables tell the secret")
		}
		if err := s.RemoveTOTP(ctx, by, u.ID, nil); err != nil {
			t.Fatal(err)
		}
		if ok := must[bool](t)(s.UseRecoveryCode(ctx, by, u.ID, codes[5])); ok {
			t.Error("a recovery code outlived the second factor")
		}
		refused(t, s.RemoveTOTP(ctx, by, u.ID, nil), "totp_not_found")
	})
}

func TestPasskeysBelongToOneUser(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		s, ctx := Open(t, d), context.Background()
		alice, bob := newUser(t, s, "alice", account.Plain), newUser(t, s, "bob", account.Plain)
		by := store.UserActor(alice.ID, "", "")
		p := must[store.Passkey](t)(s.AddPasskey(ctx, by, store.Passkey{UserID: alice.ID, Name: "laptop", Site: "gw.example.com", Record: "{}"}, []byte{1, 2}))
		_, err := s.AddPasskey(ctx, by, store.Passkey{UserID: bob.ID, Name: "laptop", Site: "gw.example.com", Record: "{}"}, []byte{1, 2})
		refused(t, err, "passkey_exists")
		refused(t, s.RenamePasskey(ctx, by, bob.ID, p.ID, "mine"), "passkey_not_found")
		refused(t, s.DeletePasskey(ctx, by, bob.ID, p.ID), "passkey_not_found")
		if err := s.RenamePasskey(ctx, by, alice.ID, p.ID, "phone"); err != nil {
			t.Error(err)
		}
		if err := s.PasskeyUsed(ctx, p.ID, `{"n":1}`); err != nil {
			t.Error(err)
		}
		got := must[store.Passkey](t)(s.PasskeyByCredential(ctx, []byte{1, 2}))
		if got.Name != "phone" || got.Record != `{"n":1}` || got.LastUsedAt == 0 {
			t.Errorf("passkey %+v", got)
		}
		for i := range store.PasskeysPerUser {
			_, err = s.AddPasskey(ctx, by, store.Passkey{UserID: alice.ID, Name: "more", Site: "gw.example.com", Record: "{}"}, []byte{9, byte(i)})
		}
		refused(t, err, "too_many_passkeys")
		if err := s.DeletePasskey(ctx, by, alice.ID, p.ID); err != nil {
			t.Error(err)
		}
	})
}

func TestAnAccountAtTheProviderSignsInOneUser(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		s, ctx := Open(t, d), context.Background()
		who := store.OIDCIdentity{Issuer: "https://login.example.com", Subject: "s-1", Label: "Zoë"}
		wantRace(t, race(5, func(i int) error {
			_, err := s.Register(ctx, store.Registrant{Name: fmt.Sprintf("zoe-%d", i), Identity: &who})
			return err
		}), map[string]int{"": 1, "identity_taken": 4})
		id := must[int64](t)(s.OIDCUser(ctx, who.Issuer, who.Subject))
		if n, _ := s.UserCount(ctx); n != 1 {
			t.Errorf("%d users", n)
		}
		_, err := s.OIDCUser(ctx, "https://evil.example.com", who.Subject)
		refused(t, err, "identity_not_found")
		list := must[[]store.OIDCIdentity](t)(s.OIDCIdentities(ctx, id))
		refused(t, s.UnlinkOIDC(ctx, store.CLI, id, list[0].ID), "last_sign_in")
		if err := s.SetPassword(ctx, store.CLI, id, "", "hash", ""); err != nil {
			t.Fatal(err)
		}
		refused(t, s.UnlinkOIDC(ctx, store.CLI, id+1, list[0].ID), "identity_not_found")
		if err := s.UnlinkOIDC(ctx, store.CLI, id, list[0].ID); err != nil {
			t.Error(err)
		}
	})
}

func TestBalancesOfManyAreReadAtOnce(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		s, ctx := Open(t, d), context.Background()
		rich := must[account.User](t)(s.CreateUser(ctx, store.NewUser{Name: "rich"}))
		poor := must[account.User](t)(s.CreateUser(ctx, store.NewUser{Name: "poor"}))
		if err := s.ChangeBalance(ctx, ledger.Change(ledger.KindGrant, rich.ID, 700, "many", "test", "", s.Now())); err != nil {
			t.Fatal(err)
		}
		got := must[map[int64]store.Balance](t)(s.Balances(ctx, []int64{poor.ID, rich.ID, 999}))
		want := map[int64]store.Balance{rich.ID: {Available: 700}, poor.ID: {}}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("balances %v, want %v", got, want)
		}
		if none := must[map[int64]store.Balance](t)(s.Balances(ctx, nil)); len(none) != 0 {
			t.Errorf("of nobody: %v", none)
		}
	})
}

func TestPeopleAreFoundByTheBeginningOfNameOrAddress(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		s, ctx := Open(t, d), context.Background()
		for _, n := range []store.NewUser{
			{Name: "Alice", Email: "wonder@example.com"}, {Name: "alina"}, {Name: "bob", Email: "alf@example.com", Role: account.Admin}, {Name: "a%b"}, {Name: "a_b"}, {Name: "100!"},
		} {
			must[account.User](t)(s.CreateUser(ctx, n))
		}
		for _, c := range []struct {
			f    store.UserFilter
			want string
		}{
			{store.UserFilter{Search: "AL"}, "bob alina Alice"}, {store.UserFilter{Search: "wonder@"}, "Alice"}, {store.UserFilter{Search: "a%"}, "a%b"},
			{store.UserFilter{Search: "a_"}, "a_b"}, {store.UserFilter{Search: "100!"}, "100!"}, {store.UserFilter{Role: account.Admin}, "bob"},
			{store.UserFilter{Status: account.Disabled}, ""}, {store.UserFilter{Group: "default", Search: "ali"}, "alina Alice"}, {store.UserFilter{Search: "' OR 1=1 --"}, ""},
		} {
			c.f.Limit = 10
			var names []string
			for _, p := range must[[]store.Person](t)(s.People(ctx, c.f)) {
				names = append(names, p.Name)
			}
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("%+v found %q, want %q", c.f, got, c.want)
			}
		}
		first := must[[]store.Person](t)(s.People(ctx, store.UserFilter{Limit: 2}))
		next := must[[]store.Person](t)(s.People(ctx, store.UserFilter{Limit: 2, Before: first[1].ID}))
		if len(first) != 3 || next[0].ID != first[2].ID {
			t.Errorf("pages %+v, %+v", first, next)
		}
	})
}

func TestHoldingsAreCounted(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		live := submitted(t, f, 100_000)
		accept(t, f, f.Order(100_000))
		if _, err := f.CreateSession(ctx, f.User.ID, "", ""); err != nil {
			t.Fatal(err)
		}
		h := must[store.Holdings](t)(f.Holdings(ctx, f.User.ID))
		if want := (store.Holdings{Tokens: 1, LiveTasks: 2, Sessions: 1}); h != want {
			t.Errorf("holdings %+v, want %+v", h, want)
		}
		to, entry, err := live.Fail(task.UpstreamFailed, "no", f.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Advance(task.Change{From: live, To: to, Settle: &entry}); err != nil {
			t.Fatal(err)
		}
		if h := must[store.Holdings](t)(f.Holdings(ctx, f.User.ID)); h.LiveTasks != 1 {
			t.Errorf("holdings after an end %+v", h)
		}
	})
}

// An opening balance is an entry like any other: its reference makes a
// repetition impossible.
func TestAnInvitationsGrantCannotBeRepeated(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		s, ctx := Open(t, d), context.Background()
		admin := newUser(t, s, "admin", account.Admin)
		i, code, err := s.CreateInvitation(ctx, store.UserActor(admin.ID, "", ""), store.Invitation{Uses: 1, Grant: 7})
		if err != nil {
			t.Fatal(err)
		}
		u := must[account.User](t)(s.Register(ctx, store.Registrant{Name: "guest", Invitation: code}))
		e := ledger.Change(ledger.KindGrant, u.ID, money.Quota(7), fmt.Sprintf("invitation %d user %d", i.ID, u.ID), "test", "", s.Now())
		refused(t, s.ChangeBalance(ctx, e), "already_done")
	})
}

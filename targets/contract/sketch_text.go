package contract

import (
	"fmt"
	"strings"
)

// text writes the contract. What was not seen is there as an example, and says so.
func (l *looker) text(base string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# A first contract, made by looking at %s without a credential.", base)
	line("# What could not be seen is marked \"guess\": put right what is wrong, then run")
	line("#   authbench probe THIS-FILE")
	line("# What every field means: docs/contract.md. Other shapes: examples/contracts.")
	line("name: my-service")
	line("summary: My service")
	mechanism := l.mechanism
	if mechanism == "" {
		mechanism = "session"
	}
	line("mechanism: %s # session: an opaque id that is looked up; token: a signed one; hybrid: both", mechanism)
	line("url: %s", base)
	if strings.HasPrefix(base, "https:") {
		line("# tls: {ca: authority.pem} # where the system does not know who signed its certificate")
	}
	if l.ready != "" {
		line("ready:\n  path: %s", l.ready)
	}
	line("")
	line("# What the target is held to. Without promises nothing can be broken.")
	line("# promises:")
	line("#   revocation_bound: 0s # a credential that was logged out is refused at once")
	line("")
	line("users: # guess: accounts that were made for this, in a test system")
	line("  username: user-{n} # {n} is 1, 2, 3 ...")
	line("  password: password-{n}")
	line("  count: 10")
	line("  # or a file: users.csv, with columns username and password")
	line("")
	l.loginText(line)
	line("")
	l.useText(line)
	line("")
	l.logoutText(line)
	return b.String()
}

func (l *looker) loginText(line func(string, ...any)) {
	switch {
	case l.form != nil:
		l.formText(line)
	case l.token != "":
		line("login: # %s", l.why["login"])
		line("  method: POST\n  path: %s", l.token)
		line("  headers:\n    Content-Type: application/x-www-form-urlencoded")
		if l.grant == "password" {
			line("  # basic: \"client-id:{client_secret}\" # with secrets: {client_secret: {env: CLIENT_SECRET}}")
			line("  body: grant_type=password&username={username}&password={password}")
		} else {
			line("  basic: \"{username}:{password}\" # the users are the clients")
			line("  body: grant_type=client_credentials")
		}
		line("  statuses:\n    rejected: [400, 401] # invalid_grant, invalid_client")
		line("  extract:\n    credential: {json: $.access_token}")
	default:
		api := l.api
		if api == nil {
			api = &loginAPI{"/login", "username", "password"}
			line("# guess: nothing was seen that logs in")
		} else {
			line("# %s", l.why["login"])
		}
		line("login:\n  method: POST\n  path: %s", api.path)
		line("  headers:\n    Content-Type: application/json")
		line("  body: '{\"%s\":\"{username}\",\"%s\":\"{password}\"}' # guess", api.username, api.password)
		line("  extract:")
		if l.mechanism == "token" {
			line("    credential: {json: $.access_token} # guess; {cookie: NAME} or {header: NAME} where it stands there")
		} else {
			line("    credential: {cookie: session} # guess; {json: $.access_token} or {header: NAME} where it stands there")
		}
	}
}

func (l *looker) formText(line func(string, ...any)) {
	f := l.form
	cookie := f.sessionCookie()
	line("login: # GET %s has a form with a password", f.page)
	if len(f.hidden) > 0 || f.cookie != "" {
		line("  before:\n    - method: GET\n      path: %s\n      extract:", f.page)
		if f.cookie != "" {
			line("        visitor: {cookie: '%s'}", f.cookie)
		}
		for i, name := range f.hidden {
			quoted := strings.NewReplacer(".", `\.`, "[", `\[`, "]", `\]`).Replace(name)
			line("        hidden_%d: {match: 'name=\"%s\"[^>]* value=\"([^\"]*)\"'} # guess: the attributes in this order", i+1, quoted)
		}
	}
	line("  method: POST\n  path: %s", f.action)
	line("  headers:\n    Content-Type: application/x-www-form-urlencoded")
	if f.cookie != "" {
		line("    Cookie: '%s={visitor}; {cookies}'", f.cookie)
	}
	var pairs []string
	for i, name := range f.hidden {
		pairs = append(pairs, fmt.Sprintf("%s={hidden_%d}", name, i+1))
	}
	pairs = append(pairs, f.username+"={username}", f.password+"={password}")
	line("  body: '%s'", strings.Join(pairs, "&"))
	line("  statuses:\n    accepted: [302, 303] # guess")
	line("  rejected_if: {header: Location, match: '(%s)'} # guess: a wrong password leads back to the form", f.page)
	line("  extract:\n    credential: {cookie: '%s'}%s", cookie, map[bool]string{true: " # guess"}[f.cookie == ""])
}

// sessionCookie is the cookie that is likely to be the session.
func (f *loginForm) sessionCookie() string {
	if f.cookie == "" {
		return "session"
	}
	return f.cookie
}

func (l *looker) useText(line func(string, ...any)) {
	if l.use == "" {
		line("# guess: nothing was seen that needs a credential")
		line("use:\n  method: GET\n  path: /me")
	} else {
		line("# %s", l.why["use"])
		line("use:\n  method: GET\n  path: %s", l.use)
	}
	line("  headers:\n    %s", l.carrier())
	if l.toForm {
		line("  statuses:\n    rejected: [302, 303, 401] # the way to the form")
	}
	line("  # subject: {json: $.email} # where the answer says who it is for: then an answer for somebody else is found")
}

// carrier is the header that carries the credential.
func (l *looker) carrier() string {
	switch {
	case l.form != nil:
		return fmt.Sprintf("Cookie: '%s={credential}; {cookies}'", l.form.sessionCookie())
	case l.mechanism == "token":
		return "Authorization: Bearer {credential}"
	}
	return "Cookie: session={credential} # guess; a token is sent as Authorization: Bearer {credential}"
}

func (l *looker) logoutText(line func(string, ...any)) {
	line("# revoke: # what logs out; with it and the promise revocation_bound logging out is tested")
	line("#   method: POST")
	line("#   path: /logout")
	line("#   headers:")
	line("#     %s", l.carrier())
	line("#   statuses:")
	line("#     accepted: [200, 204]")
}

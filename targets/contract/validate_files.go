package contract

import (
	"crypto/x509"
	"maps"
	"os"
	"slices"
	"strings"
)

// tls checks how TLS is spoken, and reads the authorities.
func (d *decoder) tls(c *Contract) {
	if _, given := d.places["tls"]; !given {
		return
	}
	if !strings.HasPrefix(c.URL, "https:") {
		d.atKey("tls", "is for a target at an https URL")
	}
	if c.TLS.CA == "" {
		return
	}
	pem, err := c.beside(c.TLS.CA)
	switch {
	case err != nil:
		d.at("tls.ca", "%v", err)
	case !x509.NewCertPool().AppendCertsFromPEM(pem):
		d.at("tls.ca", "%s holds no certificate in PEM", c.TLS.CA)
	default:
		c.roots = pem
	}
}

// secrets reads the secrets. What they are is in no message.
func (d *decoder) secrets(c *Contract) {
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		at := "secrets." + name
		d.secret[name] = true
		_, setting := c.Settings[name]
		switch {
		case !isName(name):
			d.atKey(at, "a secret is named by lower-case letters, digits and _")
			continue
		case slices.Contains(ours[:], name) || setting:
			d.atKey(at, "{%s} has a meaning of its own: choose another name", name)
			continue
		}
		value, found := os.LookupEnv(c.Secrets[name].Env)
		switch {
		case !found || value == "":
			d.at(at+".env", "there is no such environment variable, or it is empty")
		default:
			if c.secrets == nil {
				c.secrets = Vars{}
			}
			c.secrets[name] = value
		}
	}
}

// users checks where the population comes from, and reads its file.
func (d *decoder) users(c *Contract) {
	columns := d.userFile(c)
	has := func(name string) bool { return slices.Contains(columns, name) }
	known := append([]string{"n"}, columns...)
	d.template("users.username", c.Users.Username, known)
	d.template("users.password", c.Users.Password, slices.Concat(known, []string{"username"}, slices.Collect(maps.Keys(c.Secrets))))
	switch uses := placeholders(c.Users.Username); {
	case c.Users.Username == "" && len(columns) > 0 && !has("username"):
		d.atKey("users", `"username" is missing, and there is no such column in %s`, c.Users.File)
	case c.Users.Username == "" || c.Users.Count == 1:
	case !slices.ContainsFunc(uses, func(name string) bool { return name == "n" || has(name) }):
		d.at("users.username", "has no {n}: every user would be the same one (say count: 1 if there is only one)")
	}
	switch {
	case c.LogsIn() && has("credential"):
		d.atKey("login", "is there, and a column credential in %s as well: one of them says what a user holds", c.Users.File)
	case !c.LogsIn() && len(columns) > 0 && !has("credential"):
		d.errorf(d.places[""].key, `"login" is missing: how a user logs in (or a column credential in %s)`, c.Users.File)
	}
}

// required records what only a users' file makes unnecessary.
func (d *decoder) required(c *Contract) {
	if _, given := d.places["users"]; !given || c.Users.File != "" {
		return
	}
	for _, name := range []string{"username", "password"} {
		if _, given := d.places["users."+name]; !given {
			d.atKey("users", "%q is missing", name)
		}
	}
	if _, given := d.places["login"]; !given {
		d.errorf(d.places[""].key, `"login" is missing`)
	}
}

// userFile reads the file of the users and returns its columns.
func (d *decoder) userFile(c *Contract) []string {
	if c.Users.File == "" {
		return nil
	}
	data, err := c.beside(c.Users.File)
	if err != nil {
		d.at("users.file", "%v", err)
		return nil
	}
	columns, rows, err := readUsers(data)
	if err != nil {
		d.at("users.file", "%s: %v", c.Users.File, err)
		return nil
	}
	if c.Users.Count > len(rows) {
		d.at("users.count", "%s has %d users", c.Users.File, len(rows))
	} else if c.Users.Count == 0 {
		c.Users.Count = len(rows)
	}
	given := map[string]string{"username": c.Users.Username, "password": c.Users.Password}
	for i, name := range columns {
		_, secret := c.Secrets[name]
		own := name == "username" || name == "password"
		switch {
		case !isName(name):
			d.at("users.file", "%s: column %q: a column is named by lower-case letters, digits and _", c.Users.File, name)
		case slices.Contains(columns[:i], name):
			d.at("users.file", "%s has two columns %s", c.Users.File, name)
		case given[name] != "":
			d.atKey("users."+name, "is given, and a column of %s as well", c.Users.File)
		case secret || slices.Contains(ours[:], name) && !own:
			d.at("users.file", "%s: {%s} has a meaning of its own: choose another name for the column", c.Users.File, name)
		}
	}
	c.rows = rows
	return columns
}

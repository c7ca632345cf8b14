// Command floor is the least that a server of an arm has to do: a bare fasthttp
// handler around one golang-jwt parse, or around one go-redis GET. What our
// target costs beyond it is ours to answer for; see the ratio command beside it.
package main

import (
	"encoding/hex"
	"flag"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/valyala/fasthttp"
)

func main() {
	secret := flag.String("secret", "", "HS256 key in hex: parse tokens")
	url := flag.String("redis", "", "URL of a Redis: get -key")
	key := flag.String("key", "", "the key to get, in hex")
	flag.Parse()
	handler := parse(unhex(*secret))
	if *url != "" {
		handler = get(*url, string(unhex(*key)))
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ln.Addr())
	log.Fatal(fasthttp.Serve(ln, handler))
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		log.Fatal(err)
	}
	return b
}

// claims is the leanest type that golang-jwt can check: plain strings and whole
// seconds. Its own RegisteredClaims costs 2 us more a token, which would flatter
// the target.
type claims struct {
	Iss, Aud, Sub, Jti string
	Iat, Exp           int64
	Roles              []string
}

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) {
	return &jwt.NumericDate{Time: time.Unix(c.Exp, 0)}, nil
}
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)  { return nil, nil }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil }
func (c *claims) GetIssuer() (string, error)              { return c.Iss, nil }
func (c *claims) GetSubject() (string, error)             { return c.Sub, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)  { return jwt.ClaimStrings{c.Aud}, nil }

// parse has the options of targets/jwt.
func parse(secret []byte) fasthttp.RequestHandler {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithStrictDecoding(), jwt.WithExpirationRequired(),
		jwt.WithIssuer("https://authbench.test"), jwt.WithAudience("authbench-api"), jwt.WithLeeway(5*time.Second))
	key := func(*jwt.Token) (any, error) { return secret, nil }
	return func(ctx *fasthttp.RequestCtx) {
		token := string(ctx.Request.Header.Peek("Authorization")[len("Bearer "):])
		if _, err := parser.ParseWithClaims(token, new(claims), key); err != nil {
			ctx.SetStatusCode(fasthttp.StatusUnauthorized)
			return
		}
		ctx.SetBodyString("ok")
	}
}

// get has the client options of targets/store.
func get(url, key string) fasthttp.RequestHandler {
	o, err := redis.ParseURL(url)
	if err != nil {
		log.Fatal(err)
	}
	o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled, o.Protocol, o.PoolSize = -1, 1, true, 2, 64
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = 200*time.Millisecond, 300*time.Millisecond, 300*time.Millisecond, 150*time.Millisecond
	o.DisableIdentity, o.MaintNotificationsConfig = true, &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	client := redis.NewClient(o)
	return func(ctx *fasthttp.RequestCtx) {
		if _, err := client.Get(ctx, key).Bytes(); err != nil {
			ctx.SetStatusCode(fasthttp.StatusUnauthorized)
			return
		}
		ctx.SetBodyString("ok")
	}
}

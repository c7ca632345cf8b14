'use strict'

// A small site with a log-in, as articles on sessions show it: Express, express-session
// and a store behind it. What such articles leave out is left out here, too, so that it
// can be measured; the README says what that is.

const { createHash, timingSafeEqual } = require('node:crypto')
const express = require('express')
const session = require('express-session')
const { openStore } = require('./store')

async function main () {
  const app = express()
  // The cookie is Secure, and express-session silently sets no such cookie where the
  // connection is not. In production a proxy ends TLS and says so in X-Forwarded-Proto;
  // "one hop is to be trusted" makes Express believe it. The contract plays that proxy.
  app.set('trust proxy', 1)
  app.use(session({
    secret: process.env.SESSION_SECRET,
    store: await openStore(process.env),
    resave: false,
    saveUninitialized: false,
    cookie: { secure: true, httpOnly: true }
  }))
  app.use((req, res, next) => {
    if (req.session.isLoggedIn) req.user = req.session.user
    next()
  })

  app.get('/', (req, res) => res.json({ hello: 'there' }))

  app.post('/login', express.urlencoded({ extended: false }), (req, res) => {
    const { username, password } = req.body ?? {}
    if (!knows(username, password)) {
      return res.status(401).json({ error: 'wrong user name or password' })
    }
    // The id of the session stays what it was: nobody calls req.session.regenerate().
    req.session.user = { name: username, roles: ['user'] }
    req.session.isLoggedIn = true
    res.redirect('/dashboard')
  })

  app.get('/dashboard', (req, res) => {
    if (!req.user) return res.status(401).json({ error: 'not logged in' })
    res.json({ sub: req.user.name, roles: req.user.roles })
  })

  // A GET that changes something, and a callback that looks at no error.
  app.get('/logout', (req, res) => {
    req.session.destroy(() => {
      res.clearCookie('connect.sid')
      res.redirect('/')
    })
  })

  const [host, port] = process.env.LISTEN.split(':')
  const server = app.listen(Number(port), host)
  // Node closes a connection that was idle for 5 s, just when a client may be sending
  // on it. The other targets of a comparison wait as long as this.
  server.keepAliveTimeout = 10 * 60 * 1000
}

// knows says whether there is such a user: user-1 to user-10000, whose passwords are
// password-1 to password-10000. Cheap on purpose, for tests only.
function knows (username, password) {
  const n = /^user-([1-9]\d{0,4})$/.exec(String(username))?.[1]
  const right = timingSafeEqual(sha256(password), sha256(`password-${n}`))
  return right && Number(n) <= 10000
}

function sha256 (text) {
  return createHash('sha256').update(String(text)).digest()
}

main().catch(err => {
  console.error(err)
  process.exit(1)
})

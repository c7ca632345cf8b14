'use strict'

// A small API with tokens, as articles on JWT show it: Express and jsonwebtoken, HS256
// with a secret from the environment, 401 without a token and 403 for a bad one.

const { createHash, createSecretKey, timingSafeEqual } = require('node:crypto')
const express = require('express')
const jwt = require('jsonwebtoken')

// jsonwebtoken takes a text for a public key in PEM first, at every verification, and only
// when that has failed for a secret. With a key object it need not guess.
const text = process.env.ACCESS_TOKEN_SECRET
const secret = process.env.KEY_OBJECT === 'yes' ? createSecretKey(Buffer.from(text)) : text

function authenticate (req, res, next) {
  const token = req.headers.authorization?.split(' ')[1] // Bearer TOKEN
  if (!token) return res.sendStatus(401)
  jwt.verify(token, secret, (err, claims) => {
    if (err) return res.sendStatus(403)
    req.user = claims
    next()
  })
}

const app = express()

app.get('/', (req, res) => res.json({ hello: 'there' }))

app.post('/login', express.json(), (req, res) => {
  const { username, password } = req.body ?? {}
  if (!knows(username, password)) {
    return res.status(401).json({ error: 'wrong user name or password' })
  }
  const token = jwt.sign({ roles: ['user'] }, secret, { subject: username, expiresIn: process.env.LIFETIME })
  res.json({ access_token: token })
})

app.get('/me', authenticate, (req, res) => {
  res.json({ sub: req.user.sub, roles: req.user.roles })
})

// There is nothing here to log out of: the client forgets its token.
app.post('/logout', authenticate, (req, res) => res.sendStatus(204))

const [host, port] = process.env.LISTEN.split(':')
const server = app.listen(Number(port), host)
// Node closes a connection that was idle for 5 s, just when a client may be sending on
// it. The other targets of a comparison wait as long as this.
server.keepAliveTimeout = 10 * 60 * 1000

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

package attack

const sessionContract = `name: sound-session
mechanism: session
start:
  command: [sound, "{listen}"]
  needs: [redis]
promises:
  revocation_bound: 0s
  on_store_unreachable: 503
  login_limit: 5/1m
  idle_timeout: 30m
  absolute_timeout: 12h
users:
  username: user-{n}
  password: password-{n}
  count: 5000
login:
  method: POST
  path: /login
  headers:
    Content-Type: application/json
  body: '{"username":"{username}","password":"{password}"}'
  extract:
    credential: {cookie: __Host-session}
    csrf: {json: $.csrf_token}
use:
  method: GET
  path: /me
  headers:
    Cookie: __Host-session={credential}
  subject: {json: $.sub}
storeless:
  method: GET
  path: /healthz
revoke:
  method: POST
  path: /logout
  headers:
    Cookie: __Host-session={credential}
    X-CSRF-Token: "{csrf}"
  statuses:
    accepted: [204]
revoke_all:
  method: POST
  path: /logout-all
  headers:
    Cookie: __Host-session={credential}
    X-CSRF-Token: "{csrf}"
  statuses:
    accepted: [204]
password:
  method: POST
  path: /password
  headers:
    Content-Type: application/json
    Cookie: __Host-session={credential}
    X-CSRF-Token: "{csrf}"
  body: '{"password":"{password}","new_password":"{new_password}"}'
  extract:
    credential: {cookie: __Host-session}
    csrf: {json: $.csrf_token}
step_up:
  method: POST
  path: /step-up
  headers:
    Content-Type: application/json
    Cookie: __Host-session={credential}
    X-CSRF-Token: "{csrf}"
  body: '{"password":"{password}"}'
  extract:
    credential: {cookie: __Host-session}
    csrf: {json: $.csrf_token}
`

const tokenContract = `name: sound-token
mechanism: token
start:
  command: [sound, "{listen}"]
  needs: [redis]
promises:
  revocation_bound: 0s
  on_store_unreachable: 503
  login_limit: 5/1m
  lifetime: 15m
  leeway: 5s
  refresh: rotating
users:
  username: user-{n}
  password: password-{n}
  count: 5000
login:
  method: POST
  path: /login
  headers:
    Content-Type: application/json
  body: '{"username":"{username}","password":"{password}"}'
  extract:
    credential: {json: $.access_token}
    refresh_token: {json: $.refresh_token}
use:
  method: GET
  path: /me
  headers:
    Authorization: Bearer {credential}
  subject: {json: $.sub}
storeless:
  method: GET
  path: /healthz
refresh:
  method: POST
  path: /token
  headers:
    Content-Type: application/x-www-form-urlencoded
  body: grant_type=refresh_token&refresh_token={refresh_token}
  statuses:
    rejected: [400]
  extract:
    credential: {json: $.access_token}
    refresh_token: {json: $.refresh_token}
revoke:
  method: POST
  path: /logout
  headers:
    Authorization: Bearer {credential}
  statuses:
    accepted: [204]
revoke_all:
  method: POST
  path: /logout-all
  headers:
    Authorization: Bearer {credential}
  statuses:
    accepted: [204]
password:
  method: POST
  path: /password
  headers:
    Content-Type: application/json
    Authorization: Bearer {credential}
  body: '{"password":"{password}","new_password":"{new_password}"}'
  extract:
    credential: {json: $.access_token}
    refresh_token: {json: $.refresh_token}
step_up:
  method: POST
  path: /step-up
  headers:
    Content-Type: application/json
    Authorization: Bearer {credential}
  body: '{"password":"{password}"}'
  extract:
    credential: {json: $.access_token}
    refresh_token: {json: $.refresh_token}
`

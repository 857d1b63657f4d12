// What the official JavaScript SDK makes of the portal; prints it as one JSON object.

import { B24Hook, B24OAuth } from "@bitrix24/b24jssdk";

const portal = JSON.parse(process.argv[2]);

/** What a result or an exception says. */
async function failureOf(call) {
  try {
    const result = await call();
    return result.isSuccess ? null : { messages: result.getErrorMessages() };
  } catch (error) {
    return { kind: error.constructor.name, code: error.code, status: error.status, message: error.message };
  }
}

const get = (id) => ({ method: "crm.item.get", params: { entityTypeId: 2, id } });
const fire = (target, code = "c5u4m") => ({ method: "crm.automation.trigger", params: { target, code } });

async function byWebhook() {
  const b24 = B24Hook.fromWebhookUrl(portal.webhook_url);
  b24.offClientSideWarning();
  const { call, batch, callList, fetchList } = b24.actions.v2;
  const single = await call.make(fire("DEAL_1"));
  const many = await batch.make({
    calls: Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`deal${index + 2}`, fire(`DEAL_${index + 2}`)])),
    options: { isHaltOnError: false },
  });
  const mixed = await batch.make({
    calls: [fire("DEAL_60"), get(9999), fire("DEAL_61")],
    options: { isHaltOnError: false, returnAjaxResult: true },
  });
  const empty_code = await batch.make({
    calls: [fire("DEAL_62"), fire("FOO_1")],
    options: { isHaltOnError: false, returnAjaxResult: true },
  });
  const listed = { method: "crm.item.list", params: { entityTypeId: 2 }, idKey: "id", customKeyForResult: "items" };
  const items = await callList.make(listed);
  const pages = [];
  for await (const page of fetchList.make(listed)) pages.push(page.length);
  const plain = await call.make({ method: "crm.deal.list", params: { start: 50 } });
  return {
    single: single.getData().result,
    time: single.getData().time,
    batch: many.getData(),
    mixed: mixed.getData().map((each) => each.isSuccess),
    mixed_errors: mixed.getErrorMessages(),
    empty_code: empty_code.getData().map((each) => each.isSuccess),
    items: items.getData().map((item) => item.id),
    pages,
    page: [plain.getData().result.length, plain.getTotal(), plain.isMore()],
    missing: await failureOf(() => call.make(get(9999))),
    no_target: await failureOf(() => call.make(fire("FOO_1"))),
  };
}

async function byOAuth() {
  const b24 = new B24OAuth(
    {
      applicationToken: "",
      userId: 1,
      memberId: "member",
      accessToken: portal.access_token,
      refreshToken: portal.refresh_token,
      expires: Math.floor(Date.now() / 1000) + 3600, // the SDK believes in it; the portal does not
      expiresIn: 3600,
      scope: "crm",
      domain: portal.domain,
      clientEndpoint: portal.rest_url,
      serverEndpoint: portal.rest_url,
      status: "L",
    },
    { clientId: portal.client_id, clientSecret: portal.client_secret },
  );
  b24.offClientSideWarning();
  const renewed = [];
  b24.setCallbackRefreshAuth(async ({ b24OAuthParams }) => renewed.push(b24OAuthParams.accessToken !== portal.access_token));
  const first = await b24.actions.v2.call.make(fire("DEAL_70"));
  await b24.initIsAdmin();
  return { first: first.getData().result, renewed, admin: b24.auth.isAdmin };
}

console.log(JSON.stringify({ webhook: await byWebhook(), oauth: await byOAuth() }));

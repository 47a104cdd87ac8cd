/*
 * A backend that is just a subscriber: a declared route (gateway.yaml) maps a path to its subject.
 *
 *     make && NATS_URL=nats://127.0.0.1:4222 ./orders
 *
 * Encoding raw of docs/wire.md: the payload is the HTTP body, everything else is in NATS headers and may be missing.
 */
#include <nats.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static sem_t closed;

static void die(const char *what, natsStatus status) {
    fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(status));
    exit(1);
}

static const char *header(natsMsg *message, const char *name, const char *otherwise) {
    const char *value = NULL;
    return natsMsgHeader_Get(message, name, &value) == NATS_OK ? value : otherwise;
}

/* Answers and frees both messages. */
static void respond(natsConnection *connection, natsMsg *request, natsMsg *reply) {
    natsStatus status = natsConnection_PublishMsg(connection, reply);
    if (status != NATS_OK) fprintf(stderr, "answer: %s\n", natsStatus_GetText(status));
    natsMsg_Destroy(reply);
    natsMsg_Destroy(request);
}

static natsMsg *new_reply(natsMsg *request, const char *data, int length) {
    natsMsg *reply = NULL;
    natsStatus status = natsMsg_Create(&reply, natsMsg_GetReply(request), NULL, data, length);
    if (status != NATS_OK) die("out of memory", status);
    return reply;
}

static void refuse(natsConnection *connection, natsMsg *request, const char *code, const char *text) {
    natsMsg *reply = new_reply(request, NULL, 0);
    natsMsgHeader_Set(reply, "Nats-Service-Error-Code", code);
    natsMsgHeader_Set(reply, "Nats-Service-Error", text);
    respond(connection, request, reply);
}

/* GET /v1/c/orders/{id} */
static void get_order(natsConnection *connection, natsSubscription *sub, natsMsg *request, void *closure) {
    (void)sub, (void)closure;
    if (natsMsg_GetReply(request) == NULL) return natsMsg_Destroy(request);
    const char *id = header(request, "Sluice-Param-id", "");
    if (strcmp(id, "1") != 0) return refuse(connection, request, "404", "There is no such order.");
    char body[128];
    int length = snprintf(body, sizeof body, "{\"id\":1,\"item\":\"book\",\"count\":2,\"instance\":%d}", (int)getpid());
    natsMsg *reply = new_reply(request, body, length);
    natsMsgHeader_Set(reply, "Sluice-Header-content-language", header(request, "Sluice-Header-accept-language", "en"));
    respond(connection, request, reply);
}

/* POST /v1/c/echo?status=299: the body as it came, whatever bytes it holds */
static void echo(natsConnection *connection, natsSubscription *sub, natsMsg *request, void *closure) {
    (void)sub, (void)closure;
    if (natsMsg_GetReply(request) == NULL) return natsMsg_Destroy(request);
    natsMsg *reply = new_reply(request, natsMsg_GetData(request), natsMsg_GetDataLength(request));
    const char *status = strstr(header(request, "Sluice-Query", ""), "status=");
    if (status != NULL) {
        char digits[4] = {0};
        strncpy(digits, status + strlen("status="), 3);
        natsMsgHeader_Set(reply, "Sluice-Status", digits);
    }
    natsMsgHeader_Set(reply, "Content-Type", "application/octet-stream");
    natsMsgHeader_Add(reply, "Sluice-Header-x-echo", "one");
    natsMsgHeader_Add(reply, "Sluice-Header-x-echo", "two");
    respond(connection, request, reply);
}

static void on_closed(natsConnection *connection, void *closure) {
    (void)connection, (void)closure;
    sem_post(&closed);
}

int main(void) {
    /* Blocked before the library starts its threads, so that only sigwait below sees them. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    sem_init(&closed, 0, 0);

    const char *url = getenv("NATS_URL"), *user = getenv("NATS_USER"), *password = getenv("NATS_PASSWORD");
    natsOptions *options = NULL;
    natsConnection *connection = NULL;
    natsSubscription *orders = NULL, *echoes = NULL;
    natsStatus status = natsOptions_Create(&options);
    if (status == NATS_OK) status = natsOptions_SetURL(options, url ? url : "nats://127.0.0.1:4222");
    if (status == NATS_OK && user) status = natsOptions_SetUserInfo(options, user, password ? password : "");
    if (status == NATS_OK) status = natsOptions_SetName(options, "example: c-raw");
    if (status == NATS_OK) status = natsOptions_SetMaxReconnect(options, -1);
    if (status == NATS_OK) status = natsOptions_SetClosedCB(options, on_closed, NULL);
    if (status == NATS_OK) status = natsConnection_Connect(&connection, options);
    if (status != NATS_OK) die("cannot connect", status);

    /* The queue group makes several instances share the load. */
    status = natsConnection_QueueSubscribe(&orders, connection, "orders-c.get", "orders-c", get_order, NULL);
    if (status == NATS_OK) status = natsConnection_QueueSubscribe(&echoes, connection, "orders-c.echo", "orders-c", echo, NULL);
    if (status == NATS_OK) status = natsConnection_Flush(connection);
    if (status != NATS_OK) die("cannot subscribe", status);
    printf("ready: orders-c %d\n", (int)getpid());
    fflush(stdout);

    int signal;
    sigwait(&signals, &signal);
    /* Draining answers what was already received, then closes the connection. */
    natsConnection_DrainTimeout(connection, 10000);
    sem_wait(&closed);

    natsSubscription_Destroy(orders);
    natsSubscription_Destroy(echoes);
    natsConnection_Destroy(connection);
    natsOptions_Destroy(options);
    nats_Close();
    return 0;
}

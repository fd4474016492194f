// Reads answers with the npm package `openai` and prints their text, followed by the name of the
// error if there is one.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: `${process.argv[2]}/v1`, apiKey: "none", maxRetries: 0 });

async function answer(model) {
  let text = "";
  try {
    const messages = [{ role: "user", content: "Count." }];
    for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
      text += chunk.choices[0].delta.content;
      if (model === "chat-open") {
        break;
      }
    }
    return text;
  } catch (error) {
    return `${text}${error.name}`;
  }
}

const models = ["chat", "chat-ids"].flatMap((model) => [model, `${model}.line`, `${model}.quiet`]);
const answers = await Promise.all(models.map(async (model) => [model, await answer(model)]));
console.log(JSON.stringify(Object.fromEntries(answers)));

// Breaking out of the loop aborts the request. The process keeps running, because exiting would
// also close the connection.
console.log(JSON.stringify(await answer("chat-open")));
setInterval(() => {}, 1000);

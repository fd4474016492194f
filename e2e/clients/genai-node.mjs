// Reads answers with the npm package `@google/genai` and prints their text, followed by the name of
// the error if there is one.
import { GoogleGenAI } from "@google/genai";

const client = new GoogleGenAI({ apiKey: "none", httpOptions: { baseUrl: process.argv[2], apiVersion: "v1beta" } });

async function answer(model) {
  let text = "";
  try {
    for await (const chunk of await client.models.generateContentStream({ model, contents: "Count." })) {
      text += chunk.text;
    }
    return text;
  } catch (error) {
    return `${text}${error.name}`;
  }
}

const models = ["gemini", "gemini-ids"].flatMap((model) => [model, `${model}.line`, `${model}.quiet`]);
const answers = await Promise.all(models.map(async (model) => [model, await answer(model)]));
console.log(JSON.stringify(Object.fromEntries(answers)));

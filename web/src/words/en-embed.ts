/** The strings of `<agent-chat>`, the chat in another page, in English. */
export const enEmbed = {
  embedName: "Conversation",
  newConversation: "New conversation",
  embedNoSource: "This chat has no server yet: its src attribute is missing.",
  embedNoAddress: (src: string) => `This chat has no server: ${src} isn’t a web address.`,
  embedGone: "The server doesn’t answer this page. It is asked again until it does.",
  embedGoneWhy: (origin: string) => `If it runs, its SELTZER_ALLOWED_ORIGINS may lack ${origin}.`,
  embedWhichGraph: (names: string) =>
    `This chat doesn’t know which graph is meant. Its graph attribute may be: ${names}.`,
};

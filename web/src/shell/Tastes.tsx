import { LanguageIcon, MoonIcon, SunIcon, SystemIcon } from "../look/icons";
import { THEMES, type Theme } from "../look/tastes";
import { LANGUAGES, useWords, type Language } from "../words";

interface Props {
  readonly theme: Theme;
  readonly onTheme: (theme: Theme) => void;
  readonly language: Language;
  readonly onLanguage: (language: Language) => void;
}

const ICONS = { system: SystemIcon, light: SunIcon, dark: MoonIcon };

/** Choosing a language and a theme. */
export function Tastes({ theme, onTheme, language, onLanguage }: Props) {
  const words = useWords();
  const names: Record<Theme, string> = {
    system: words.themeSystem,
    light: words.themeLight,
    dark: words.themeDark,
  };
  return (
    <div class="tastes">
      <label class="taste">
        <LanguageIcon />
        <span class="unseen">{words.language}</span>
        <select value={language} onChange={(event) => onLanguage(event.currentTarget.value as Language)}>
          {Object.entries(LANGUAGES).map(([code, name]) => (
            <option key={code} value={code} lang={code}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <fieldset class="themes">
        <legend class="unseen">{words.theme}</legend>
        {THEMES.map((each) => {
          const Icon = ICONS[each];
          return (
            <label key={each} class="theme" title={names[each]}>
              <input
                type="radio"
                name="theme"
                class="unseen"
                checked={theme === each}
                onChange={() => onTheme(each)}
              />
              <Icon />
              <span class="unseen">{names[each]}</span>
            </label>
          );
        })}
      </fieldset>
    </div>
  );
}
